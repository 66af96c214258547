// SPDX-License-Identifier: Apache-2.0
// Proves how srun is called, what it and ranks find in their environments, and that what agents are
// told comes through as it is.
#include "launcher/slurm/srun.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "launcher/slurm/call.hpp"

using namespace ipcrun;

namespace {

using Environment = std::vector<std::string>;

bool has(const std::vector<std::string>& list, const std::string& wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

TEST_CASE("srun: it starts one task on each node, beside other steps, and nothing secret is told") {
    const auto argv = srun_argv(
        {.job = "17", .nodes = {"h1", "h2", "h4"}, .agent_path = "/opt/ipcrun/bin/ipcrun"});
    CHECK(argv.front() == "srun");
    for (const char* wanted : {"--jobid=17", "--nodes=3", "--ntasks=3", "--ntasks-per-node=1",
                               "--nodelist=h[1-2,4]", "--overlap", "--mpi=none"})
        CHECK(has(argv, wanted));
    CHECK(argv[argv.size() - 2] == "/opt/ipcrun/bin/ipcrun");
    CHECK(argv.back() == "--slurm-agent");
}

TEST_CASE("srun: variables that it would read as options do not reach it") {
    CHECK(srun_environment({"PATH=/bin", "SLURM_JOB_ID=17", "SLURM_NTASKS_PER_NODE=3",
                            "SLURM_CPU_BIND=rank", "SLURM_DISTRIBUTION=cyclic",
                            "SRUN_CPUS_PER_TASK=3", "SLURM_CONF=/x", "SLURM_EXPORT_ENV=NONE",
                            "SLURMD_DEBUG=1"}) ==
          Environment{"PATH=/bin", "SLURM_JOB_ID=17", "SLURM_CONF=/x", "SLURMD_DEBUG=1"});
}

TEST_CASE("srun: ranks have nothing of the launcher's node or task") {
    const Surroundings given{.environment = {"PATH=/bin", "SLURM_JOB_ID=17", "SLURM_PROCID=0",
                                             "SLURMD_NODENAME=h1", "CUDA_VISIBLE_DEVICES=1"}};
    const Surroundings left = without_own_node(given);
    CHECK(left.environment == Environment{"PATH=/bin", "SLURM_JOB_ID=17"});
    CHECK(has(left.host_variables, "CUDA_VISIBLE_DEVICES"));
    CHECK(has(left.host_variables, "SLURM_PROCID"));
}

TEST_CASE("srun: people read which hosts there are") {
    CHECK(describe_slurm_hosts("17", {{"h1"}, {"h2"}}) ==
          "2 hosts of Slurm job 17, h[1-2], on which srun starts the agents");
    CHECK(describe_slurm_hosts("17", {{"h1"}}) ==
          "1 host of Slurm job 17, h1, on which srun starts the agents");
}

TEST_CASE("slurm call: agents read what the launcher has written") {
    Call call{.key = Key::random(), .addresses = {{"10.0.0.1", 4711}, {"fd00::1", 4711}}};
    const Call read = parse_call(format_call(call));
    CHECK(read.key.bytes == call.key.bytes);
    CHECK(read.addresses == call.addresses);
}

TEST_CASE("slurm call: anything else is refused") {
    const std::string good = format_call({.key = Key::random(), .addresses = {{"10.0.0.1", 1}}});
    for (std::size_t length = 0; length < good.size(); ++length)
        CHECK_THROWS_AS((void)parse_call(good.substr(0, length)), Error);
    CHECK_THROWS_AS((void)parse_call("x" + good), Error);
    CHECK_THROWS_AS((void)parse_call(good + "x"), Error);
    CHECK_THROWS_AS((void)parse_call(good + "by 10.0.0.1:1\n"), Error);
    std::string other = good;
    other[good.find("key ") + 4] = 'g';
    CHECK_THROWS_AS((void)parse_call(other), Error);
}

TEST_CASE("slurm call: of the addresses of this host that of the loop is the last") {
    const auto addresses = own_addresses();
    CHECK(addresses.back() == "127.0.0.1");
    CHECK(std::count(addresses.begin(), addresses.end(), "127.0.0.1") == 1);
}
