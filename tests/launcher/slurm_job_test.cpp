// SPDX-License-Identifier: Apache-2.0
// Proves what is read from the environment that salloc, sbatch and srun give, with its traps.
#include "launcher/slurm/slurm_job.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "launcher/hosts/allocation.hpp"

using namespace ipcrun;

namespace {

using Environment = std::vector<std::string>;

Environment job(const Environment& more) {
    Environment all = {"SLURM_JOB_ID=17"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<int> slots(const Environment& more) {
    const auto found = find_slurm_job(job(more));
    REQUIRE(found);
    std::vector<int> numbers;
    for (const NamedHost& host : found->nodes) numbers.push_back(host.slots);
    return numbers;
}

std::string refusal(const Environment& more) {
    try {
        (void)find_slurm_job(job(more));
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "accepted";
}

using Slots = std::vector<int>;

}  // namespace

TEST_CASE("slurm job: without a job, or its nodes, there is none") {
    CHECK_FALSE(find_slurm_job({}));
    CHECK_FALSE(find_slurm_job({"SLURM_JOB_ID=17"}));
    CHECK_FALSE(find_slurm_job({"SLURM_JOB_NODELIST=h[1-2]", "SLURM_JOB_ID="}));
}

TEST_CASE("slurm job: salloc -N4 -n8 gives the tasks of each node") {
    const auto found = find_slurm_job(
        job({"SLURM_JOB_NODELIST=h[1-4]", "SLURM_NTASKS=8", "SLURM_TASKS_PER_NODE=4,2,1(x2)",
             "SLURM_JOB_CPUS_PER_NODE=4,2,1(x2)"}));
    REQUIRE(found);
    CHECK(found->id == "17");
    CHECK(found->nodes ==
          std::vector<NamedHost>{{.name = "h1", .slots = 4, .cpus = 4, .ranks_max = 4},
                                 {.name = "h2", .slots = 2, .cpus = 2, .ranks_max = 2},
                                 {.name = "h3", .slots = 1, .cpus = 1, .ranks_max = 1},
                                 {.name = "h4", .slots = 1, .cpus = 1, .ranks_max = 1}});
}

TEST_CASE("slurm job: fewer tasks than nodes have room for are dealt out in turn, as srun does") {
    const Environment script = {"SLURM_JOB_NODELIST=h[1-3]", "SLURM_NTASKS_PER_NODE=3",
                                "SLURM_TASKS_PER_NODE=3(x3)", "SLURM_JOB_CPUS_PER_NODE=3(x3)"};
    const auto with = [&](const std::string& tasks) {
        Environment all = script;
        all.push_back("SLURM_NTASKS=" + tasks);
        return slots(all);
    };
    CHECK(with("7") == Slots{3, 2, 2});
    CHECK(with("9") == Slots{3, 3, 3});
    CHECK(with("11") == Slots{4, 4, 3});
    CHECK(with("2") == Slots{1, 1});  // a node of none has no part
    CHECK(slots({"SLURM_JOB_NODELIST=h[1-2]", "SLURM_NTASKS=5", "SLURM_TASKS_PER_NODE=1,7"}) ==
          Slots{1, 4});
    CHECK(slots(script) == Slots{3, 3, 3});
}

TEST_CASE("slurm job: where nobody asked for tasks there are no slots, and CPUs limit the ranks") {
    const Environment whole = {"SLURM_JOB_NODELIST=h[1-2]", "SLURM_TASKS_PER_NODE=4(x2)",
                               "SLURM_JOB_CPUS_PER_NODE=4(x2)"};
    CHECK(slots(whole) == Slots{0, 0});
    CHECK(find_slurm_job(job(whole))->nodes[1] ==
          NamedHost{.name = "h2", .cpus = 4, .ranks_max = 4});
    Environment wide = whole;
    wide.emplace_back("SLURM_CPUS_PER_TASK=2");
    CHECK(find_slurm_job(job(wide))->nodes[0].ranks_max == 2);
    wide.back() = "SLURM_CPUS_PER_TASK=9";
    CHECK(find_slurm_job(job(wide))->nodes[0].ranks_max == 1);
}

TEST_CASE("slurm job: a step's own tasks are not those of the job") {
    const Environment step = {"SLURM_JOB_NODELIST=h[1-2]", "SLURM_STEP_ID=0", "SLURM_NTASKS=1",
                              "SLURM_TASKS_PER_NODE=1", "SLURM_JOB_CPUS_PER_NODE=2(x2)"};
    CHECK(slots(step) == Slots{0, 0});
    CHECK(slots({"SLURM_JOB_NODELIST=h1", "SLURM_STEP_ID=0", "SLURM_NTASKS=2",
                 "SLURM_TASKS_PER_NODE=2"}) == Slots{2});
}

TEST_CASE("slurm job: a task of several is told from one that is alone") {
    CHECK(is_step_of_several_tasks({"SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=2"}));
    CHECK_FALSE(is_step_of_several_tasks({"SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=1"}));
    CHECK_FALSE(is_step_of_several_tasks({"SLURM_STEP_NUM_TASKS=2"}));
    CHECK_FALSE(is_step_of_several_tasks({"SLURM_PROCID=0", "SLURM_NTASKS=8"}));
}

TEST_CASE("slurm job: what Slurm cannot have set is quoted") {
    CHECK(refusal({"SLURM_JOB_NODELIST=h[1-"}).starts_with("variable SLURM_JOB_NODELIST: "));
    CHECK(refusal({"SLURM_JOB_NODELIST=h[1-2]", "SLURM_NTASKS=x"}) ==
          "variable SLURM_NTASKS: 'x' is no number of one or more");
    CHECK(refusal({"SLURM_JOB_NODELIST=h[1-2]", "SLURM_NTASKS=2", "SLURM_TASKS_PER_NODE=2(x"}) ==
          "variable SLURM_TASKS_PER_NODE: '2(x' is no list like 2(x3),1");
    CHECK(refusal({"SLURM_JOB_NODELIST=h[1-2]", "SLURM_NTASKS=2", "SLURM_TASKS_PER_NODE=2"}) ==
          "variable SLURM_TASKS_PER_NODE: '2' has 1 numbers, and SLURM_JOB_NODELIST has 2 nodes");
    CHECK(refusal({"SLURM_JOB_NODELIST=h1", "SLURM_JOB_CPUS_PER_NODE=0"})
              .starts_with("variable SLURM_JOB_CPUS_PER_NODE: "));
    CHECK(refusal({"SLURM_JOB_NODELIST=h1", "SLURM_HET_SIZE=2"})
              .starts_with("Slurm job 17 has 2 parts"));
}

TEST_CASE("allocation: the nodes of a Slurm job are hosts where nobody names others") {
    const Environment environment = job({"SLURM_JOB_NODELIST=h[1-3]"});
    CHECK(find_hosts({}, environment).slurm_job == "17");
    CHECK(find_hosts({.excluded_hosts = "h2"}, environment).hosts ==
          std::vector<NamedHost>{{"h1"}, {"h3"}});
    CHECK(find_hosts({.hosts = "a"}, environment).slurm_job.empty());
    CHECK(find_hosts({.machines = "m.xml"}, environment).hosts.empty());
    Environment other = environment;
    other.emplace_back("IPCRUN_HOSTS=a");
    CHECK(find_hosts({}, other).slurm_job.empty());
    other.back() = "SLURM_STEP_ID=0";
    other.emplace_back("SLURM_STEP_NUM_TASKS=3");
    CHECK(find_hosts({}, other).hosts.empty());
}
