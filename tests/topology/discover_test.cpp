// SPDX-License-Identifier: Apache-2.0
// Proves that discovery tells of the CPUs that this process may use and of nothing else, on the
// real host and on synthetic ones, and that it leaves the environment alone.
#include "topology/discover/discover.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <thread>

#include "base/affinity.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/discover/hwloc_topology.hpp"
#include "topology/machine_codec.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

std::vector<int> cpus_of(const Machine& machine) {
    std::vector<int> cpus;
    for (const Core& core : machine.cores)
        cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
    std::sort(cpus.begin(), cpus.end());
    return cpus;
}

std::vector<int> first_cpus(int count) {
    std::vector<int> cpus(static_cast<std::size_t>(count));
    std::iota(cpus.begin(), cpus.end(), 0);
    return cpus;
}

}  // namespace

TEST_CASE("discover: shows exactly the CPUs of the affinity mask") {
    const Machine machine = discover();
    CHECK(format_list(cpus_of(machine)) == format_list(read_affinity()));
    CHECK(machine.packages >= 1);
    CHECK(machine.memory_bytes > 0);
    CHECK_FALSE(machine.numa_nodes.empty());
    CHECK_FALSE(machine.host.empty());
    for (const Core& core : machine.cores) {
        CHECK(core.numa_node < static_cast<int>(machine.numa_nodes.size()));
        CHECK(core.package < machine.packages);
    }
}

TEST_CASE("discover: respects a mask of one CPU") {
    const int last = read_affinity().back();
    std::vector<int> seen;
    std::thread([&] {
        if (try_affinity({last})) seen = cpus_of(discover());
    }).join();
    CHECK(format_list(seen) == format_list({last}));
}

TEST_CASE("discover: ignores HWLOC_ variables and leaves them as they were") {
    ::setenv("HWLOC_SYNTHETIC", "pack:2 core:64 pu:2", 1);
    ::setenv("HWLOC_PLUGINS_PATH", "/somewhere", 1);
    ::unsetenv("HWLOC_HIDE_ERRORS");
    CHECK(format_list(cpus_of(discover())) == format_list(read_affinity()));
    CHECK(::getenv("HWLOC_SYNTHETIC") == std::string("pack:2 core:64 pu:2"));
    CHECK(::getenv("HWLOC_PLUGINS_PATH") == std::string("/somewhere"));
    CHECK(::getenv("HWLOC_HIDE_ERRORS") == nullptr);
    ::unsetenv("HWLOC_SYNTHETIC");
    ::unsetenv("HWLOC_PLUGINS_PATH");
}

TEST_CASE("discover: packages, NUMA nodes, caches and threads are told apart") {
    const auto topology = HwlocTopology::load_synthetic("pack:2 [numa] l3:2 core:3 pu:2");
    const Machine machine = topology.machine(first_cpus(24));
    CHECK(machine.packages == 2);
    CHECK(machine.numa_nodes.size() == 2);
    REQUIRE(machine.cores.size() == 12);
    CHECK(format_list(machine.cores[0].cpus) == "0-1");
    CHECK(machine.cores[5].last_level_cache == 1);
    CHECK(machine.cores[6].package == 1);
    CHECK(machine.cores[6].numa_node == 1);
    CHECK(machine.cores[11].last_level_cache == 3);
}

TEST_CASE("discover: a core may lack a hardware thread, a package all its cores") {
    const auto topology = HwlocTopology::load_synthetic("pack:2 [numa] core:2 pu:2");
    const Machine machine = topology.machine({5, 6, 7});
    CHECK(machine.packages == 1);
    REQUIRE(machine.cores.size() == 2);
    CHECK(format_list(machine.cores[0].cpus) == "5");
    CHECK(format_list(machine.cores[1].cpus) == "6-7");
    CHECK(machine.cores[0].package == 0);
    CHECK(machine.cores[0].numa_node == 1);  // an index into all nodes
}

TEST_CASE("discover: a host without core or package objects has a core for every CPU") {
    const Machine machine = HwlocTopology::load_synthetic("pu:4").machine(first_cpus(4));
    CHECK(machine.packages == 1);
    REQUIRE(machine.cores.size() == 4);
    CHECK(format_list(machine.cores[3].cpus) == "3");
    CHECK_FALSE(machine.numa_nodes.empty());
}

TEST_CASE("discover: cores are ordered so that neighbours share memory") {
    // The kernel numbers CPUs round the NUMA nodes here.
    const auto topology =
        HwlocTopology::load_synthetic("pack:1 group:2 [numa] core:2 pu:1(indexes=0,2,1,3)");
    const Machine machine = topology.machine(first_cpus(4));
    REQUIRE(machine.cores.size() == 4);
    CHECK(machine.cores[0].numa_node == machine.cores[1].numa_node);
    CHECK(machine.cores[2].numa_node == machine.cores[3].numa_node);
    CHECK(format_list(machine.cores[1].cpus) == "2");
}

TEST_CASE("discover: a mask that hwloc knows nothing of is an error that says what to compare") {
    const auto topology = HwlocTopology::load_synthetic("core:2 pu:1");
    CHECK_THROWS_WITH_AS((void)topology.machine({77}),
                         doctest::Contains("none of the CPUs that this process may use"), Error);
    CHECK_THROWS_AS((void)HwlocTopology::load_synthetic("nonsense:x"), Error);
}

TEST_CASE("discover: devices come on top of the same machine") {
    Machine machine = discover(true);
    check_indices(machine);
    for (const Gpu& gpu : machine.gpus) CHECK_FALSE(gpu.name.empty());
    const Machine without = discover();
    CHECK(machine.cores == without.cores);
    CHECK(machine.host == without.host);
    CHECK(without.gpus.empty());
    CHECK(without.nics.empty());
}
