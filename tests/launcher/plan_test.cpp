// SPDX-License-Identifier: Apache-2.0
// Proves what a plan holds, on machines that are made up.
#include "launcher/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "launcher/environment.hpp"
#include "runtime/wire/control_segment.hpp"

using namespace ipcrun;

namespace {

topology::Machine four_cores() {
    topology::Machine machine;
    machine.memory_bytes = 3ull << 30;
    machine.numa_nodes = {{.os_index = 0, .bytes = 3ull << 30}};
    for (int cpu = 0; cpu < 4; ++cpu) machine.cores.push_back({.cpus = {cpu}});
    return machine;
}

Launch plan(const Options& options, const Surroundings& surroundings = {},
            const topology::Machine& machine = four_cores()) {
    const JobPlan plan(topology::cluster_of(machine),
                       {.ranks = options.ranks, .mapping = options.mapping});
    return make_launches(options, {{}}, 0, {"/bin/p", {"p", "x"}}, surroundings, plan)[0];
}

std::string bindings(const Options& options) {
    const JobPlan plan(topology::cluster_of(four_cores()),
                       {.ranks = options.ranks, .mapping = options.mapping});
    return format_bindings(make_launches(options, {{}}, 0, {"/bin/p", {"p"}}, {}, plan), plan);
}

bool has(const std::vector<std::string>& environment, const std::string& setting) {
    return std::count(environment.begin(), environment.end(), setting) == 1;
}

}  // namespace

TEST_CASE("plan: the default is a rank for every core, cut to the quota") {
    CHECK(plan({}).ranks.size() == 4);
    topology::Machine machine = four_cores();
    machine.cpu_quota = 2.5;
    CHECK(plan({}, {}, machine).ranks.size() == 3);
}

TEST_CASE("plan: each rank is told its place and its threads") {
    const Launch launch = plan({.ranks = 2});
    CHECK(has(launch.ranks[1].environment, "IPCRUN_RANK=1"));
    CHECK(has(launch.ranks[1].environment, "IPCRUN_SIZE=2"));
    CHECK(has(launch.ranks[1].environment, "IPCRUN_CONTROL_FD=3"));
    CHECK(has(launch.ranks[1].environment, "OMP_NUM_THREADS=2"));
    CHECK(launch.ranks[0].cpus == std::vector<int>{0, 1});
    CHECK(launch.ranks[1].cpus == std::vector<int>{2, 3});
}

TEST_CASE("plan: threads that the user has set stay") {
    const Launch launch = plan({.ranks = 1}, {.environment = {"OMP_NUM_THREADS=9"}});
    CHECK(has(launch.environment, "OMP_NUM_THREADS=9"));
    for (const std::string& setting : launch.ranks[0].environment)
        CHECK_FALSE(setting.starts_with("OMP_NUM_THREADS="));
}

TEST_CASE("plan: variables of a job or parent around this one are dropped, all others inherited") {
    const Launch launch = plan({.ranks = 1}, {.environment = {"IPCRUN_RANK=7", "IPCRUN_TERMINAL=1",
                                                              "IPCRUN_PARENT_FD=3", "HOME=/root"}});
    CHECK(launch.environment == std::vector<std::string>{"HOME=/root"});
}

TEST_CASE("plan: -x replaces a variable or requires one") {
    Options options{.ranks = 1};
    options.environment = {{"A", "new"}, {"B", std::nullopt}};
    CHECK(plan(options, {.environment = {"A=old", "B=there"}}).environment ==
          std::vector<std::string>{"B=there", "A=new"});
    CHECK_THROWS_AS(plan(options, {.environment = {"A=old"}}), Error);
    options.environment = {{"IPCRUN_RANK", "5"}};
    CHECK_THROWS_AS(plan(options), Error);
}

TEST_CASE("plan: standard input goes to rank 0, unless it is a terminal or another is named") {
    CHECK(plan({.ranks = 2}).stdin_rank == 0);
    const Surroundings terminal{.standard_input = InputKind::terminal, .process_group = 42};
    CHECK(plan({.ranks = 2}, terminal).stdin_rank == no_rank);
    const Launch asked = plan({.ranks = 2, .stdin_rank = 1}, terminal);
    CHECK(asked.stdin_rank == 1);
    CHECK(asked.terminal_group == 42);
    CHECK(plan({.ranks = 2, .stdin_rank = stdin_none}).stdin_rank == no_rank);
    CHECK_THROWS_AS(plan({.ranks = 2, .stdin_rank = 2}), Error);
}

TEST_CASE("plan: an arena is twice the memory, and all arenas fit the address space") {
    CHECK(plan({.ranks = 1}).arena_bytes == 8ull << 30);
    topology::Machine machine = four_cores();
    machine.memory_bytes = 0;
    CHECK(plan({.ranks = 1}, {}, machine).arena_bytes == 1ull << 30);
    machine.memory_bytes = 8ull << 40;
    for (const int ranks : {1, 3, 8, node_ranks_max}) {
        const std::uint64_t arena = plan({.ranks = ranks}, {}, machine).arena_bytes;
        CAPTURE(ranks);
        CHECK(static_cast<std::uint64_t>(ranks) * arena <= heap_bytes_max);
        CHECK((arena & (arena - 1)) == 0);
        CHECK(arena >= 1ull << 30);
    }
}

TEST_CASE("plan: only one rank has its output passed on as it comes") {
    CHECK_FALSE(plan({.ranks = 1}).whole_lines);
    CHECK(plan({.ranks = 2}).whole_lines);
}

TEST_CASE("plan: a rank within one NUMA node or cache is told which, one in several is not") {
    topology::Machine machine = four_cores();
    machine.numa_nodes.push_back({.os_index = 4, .bytes = 1ull << 30});
    for (int core = 0; core < 4; ++core) {
        machine.cores[core].numa_node = core / 2;
        machine.cores[core].last_level_cache = core;
    }
    const Launch pairs = plan({.ranks = 2}, {}, machine);
    CHECK(pairs.ranks[0].spot.numa_node == 1);
    CHECK(pairs.ranks[1].spot.numa_node == 2);
    CHECK(pairs.ranks[1].spot.last_level_cache == 0);
    const Launch each = plan({.ranks = 4}, {}, machine);
    CHECK(each.ranks[3].spot.numa_node == 2);
    CHECK(each.ranks[3].spot.last_level_cache == 4);
    CHECK(plan({.ranks = 1}, {}, machine).ranks[0].spot.numa_node == 0);
    const Launch unbound =
        plan({.ranks = 4, .mapping = {.bind_to = topology::BindTo::none}}, {}, machine);
    CHECK(unbound.ranks[3].spot.numa_node == 0);
    CHECK(unbound.ranks[3].spot.last_level_cache == 0);
}

TEST_CASE("plan: bindings are printed one line a rank") {
    CHECK(bindings({.ranks = 2}) ==
          "rank 0: cpus 0-1, NUMA node 0, 2 threads\nrank 1: cpus 2-3, NUMA node 0, 2 threads\n");
    const Options unbound{.ranks = 4, .mapping = {.bind_to = topology::BindTo::none}};
    CHECK(plan(unbound).ranks[0].cpus.empty());
    CHECK(bindings(unbound).starts_with("rank 0: not bound, cpus 0-3, NUMA node 0, 1 thread\n"));
}

TEST_CASE("plan: each of several hosts gets its ranks, and what tells it from the others") {
    topology::Cluster cluster = topology::cluster_of({four_cores(), four_cores()});
    cluster.hosts[0].name = "a";
    cluster.hosts[1].name = "b";
    const JobPlan plan(std::move(cluster), {.ranks = 6});
    const std::vector<NamedHost> hosts{{.name = "a"}, {.name = "b", .directory = "/there"}};
    const auto launches = make_launches({.stdin_rank = 5, .command = {"p", "x"}}, hosts, 0,
                                        {"/bin/p", {"p", "x"}}, {}, plan);
    REQUIRE(launches.size() == 2);
    CHECK(launches[0].ranks.size() == 4);
    CHECK(launches[1].ranks.size() == 2);
    CHECK(has(launches[1].ranks[1].environment, "IPCRUN_RANK=5"));
    CHECK(has(launches[1].ranks[1].environment, "IPCRUN_SIZE=6"));
    CHECK(has(launches[1].ranks[1].environment, "IPCRUN_NODE=1"));
    CHECK(has(launches[1].ranks[1].environment, "IPCRUN_LOCAL_RANK=1"));
    CHECK(has(launches[1].ranks[1].environment, "IPCRUN_LOCAL_SIZE=2"));
    for (const Launch& launch : launches) CHECK(has(launch.environment, "FI_UNIVERSE_SIZE=6"));
    CHECK(launches[0].secret == launches[1].secret);
    CHECK(launches[0].secret != JobSecret{});
    CHECK(launches[0].program == "/bin/p");
    CHECK(launches[1].program.empty());  // it is looked for there
    CHECK(launches[1].argv == std::vector<std::string>{"p", "x"});
    CHECK(launches[1].directory == "/there");
    CHECK(launches[0].stdin_rank == no_rank);
    CHECK(launches[1].stdin_rank == 1);
    CHECK(launches[1].stdin_is_sent);
    CHECK(format_bindings(launches, plan).starts_with("rank 0: host a, cpus 0"));
}

TEST_CASE("plan: libfabric's universe has room for all ranks, or for more where that was set") {
    for (const auto& [before, after] : std::initializer_list<std::pair<const char*, const char*>>{
             {"FI_UNIVERSE_SIZE=7", "FI_UNIVERSE_SIZE=7"},
             {"FI_UNIVERSE_SIZE=5", "FI_UNIVERSE_SIZE=6"},
             {"FI_UNIVERSE_SIZE=x", "FI_UNIVERSE_SIZE=6"}}) {
        CAPTURE(before);
        std::vector<std::string> environment{before};
        size_universe(environment, 6);
        CHECK(environment == std::vector<std::string>{after});
    }
    const Launch launch = plan({.ranks = 2});
    CHECK_FALSE(find_variable(launch.environment, "FI_UNIVERSE_SIZE"));  // nobody is elsewhere
}

TEST_CASE("plan: of the environment other hosts are sent what is not their own") {
    topology::Cluster cluster = topology::cluster_of({four_cores(), four_cores()});
    const JobPlan plan(std::move(cluster), {.ranks = 8});
    const Options options{.environment = {{"USER", std::nullopt}}, .command = {"p"}};
    const auto launches =
        make_launches(options, {{.name = "a"}, {.name = "b"}}, 0, {"/bin/p", {"p"}},
                      {.environment = {"FI_UNIVERSE_SIZE=8", "HOME=/h", "USER=u"}}, plan);
    CHECK(launches[0].environment ==
          std::vector<std::string>{"FI_UNIVERSE_SIZE=8", "HOME=/h", "USER=u"});
    CHECK(launches[1].environment == std::vector<std::string>{"FI_UNIVERSE_SIZE=8", "USER=u"});
    CHECK(has(launches[1].own_variables, "HOME"));
    CHECK_FALSE(has(launches[1].own_variables, "USER"));
}

TEST_CASE("plan: this host may have a directory of its own for ranks, too") {
    const JobPlan plan(topology::cluster_of(four_cores()), {.ranks = 2});
    const auto launches = make_launches({.command = {"./p", "x"}}, {{"a", 0, "/there"}}, 0,
                                        {"/bin/p", {"p"}}, {.environment = {"HOME=/h"}}, plan);
    CHECK(launches[0].directory == "/there");
    CHECK(launches[0].program.empty());  // "./p" is one of /there
    CHECK(launches[0].argv == std::vector<std::string>{"./p", "x"});
    CHECK(launches[0].environment == std::vector<std::string>{"HOME=/h"});
    CHECK(launches[0].own_variables.empty());
    CHECK_FALSE(launches[0].stdin_is_sent);
}

TEST_CASE("plan: each vendor's libraries are told of a rank's GPU in their own form") {
    topology::Machine machine = four_cores();
    const auto setting_for = [&](topology::GpuVendor vendor, const std::string& uuid) {
        machine.gpus.assign(1, {});
        machine.gpus[0].name = "gpu0";
        machine.gpus[0].vendor = vendor;
        machine.gpus[0].uuid = uuid;
        const Launch launch = plan({.ranks = 1}, {}, machine);
        for (const std::string& setting : launch.ranks[0].environment)
            if (setting.find("VISIBLE") != std::string::npos || setting.starts_with("ZE_"))
                return setting;
        return std::string();
    };
    CHECK(setting_for(topology::GpuVendor::nvidia, "GPU-2f0d") == "CUDA_VISIBLE_DEVICES=GPU-2f0d");
    // The driver tells the number alone, without zeros before it.
    CHECK(setting_for(topology::GpuVendor::amd, "9c1e4d2b60a7f35") ==
          "ROCR_VISIBLE_DEVICES=GPU-09c1e4d2b60a7f35");
    CHECK(setting_for(topology::GpuVendor::amd, "") == "ROCR_VISIBLE_DEVICES=0");
    CHECK(setting_for(topology::GpuVendor::intel, "00000000-0000-0000-f0da-000000000001") ==
          "ZE_AFFINITY_MASK=0");
}

TEST_CASE("plan: a rank is told its NIC by name, and by its PCI address where it has one") {
    topology::Machine machine = four_cores();
    machine.nics.resize(2);
    machine.nics[0].name = "mlx5_0";
    machine.nics[0].pci_id = "0000:41:00.0";
    machine.nics[1].name = "rxe0";
    const Launch launch = plan({.ranks = 2}, {}, machine);
    CHECK(has(launch.ranks[0].environment, "IPCRUN_NIC=mlx5_0"));
    CHECK(has(launch.ranks[0].environment, "IPCRUN_NIC_PCI=0000:41:00.0"));
    CHECK(has(launch.ranks[1].environment, "IPCRUN_NIC=rxe0"));
    CHECK_FALSE(find_variable(launch.ranks[1].environment, "IPCRUN_NIC_PCI"));
}

TEST_CASE("plan: the NIC of a job around this one is not passed on") {
    const Launch launch =
        plan({.ranks = 1}, {.environment = {"IPCRUN_NIC=mlx5_0", "IPCRUN_NIC_PCI=0000:41:00.0"}});
    CHECK_FALSE(find_variable(launch.environment, "IPCRUN_NIC"));
    CHECK_FALSE(find_variable(launch.environment, "IPCRUN_NIC_PCI"));
}
