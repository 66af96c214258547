// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/slurm_job.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "base/fail.hpp"
#include "base/repeats.hpp"
#include "base/text.hpp"
#include "launcher/environment.hpp"
#include "launcher/hosts/slurm_hosts.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view job_variable = "SLURM_JOB_ID";
constexpr std::string_view nodes_variable = "SLURM_JOB_NODELIST";
constexpr std::string_view tasks_variable = "SLURM_TASKS_PER_NODE";
constexpr std::string_view cpus_variable = "SLURM_JOB_CPUS_PER_NODE";

// Absent and empty are the same.
std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
    return find_variable(environment, name).value_or("");
}

std::optional<int> number_in(const std::vector<std::string>& environment, std::string_view name) {
    const std::string_view text = value_of(environment, name);
    if (text.empty()) return std::nullopt;
    const auto number = parse_number<int>(text);
    if (!number || *number < 1)
        fail(ErrorCode::usage, "variable {}: '{}' is no number of one or more", name,
             excerpt(text));
    return number;
}

// One a node.
std::vector<int> counts_in(const std::vector<std::string>& environment, std::string_view name,
                           std::size_t nodes) {
    const std::string_view text = value_of(environment, name);
    auto counts = parse_repeats(text);
    if (!counts)
        fail(ErrorCode::usage, "variable {}: '{}' is no list like 2(x3),1", name, excerpt(text));
    if (counts->size() != nodes)
        fail(ErrorCode::usage, "variable {}: '{}' has {} numbers, and {} has {} nodes", name,
             excerpt(text), counts->size(), nodes_variable, nodes);
    return std::move(*counts);
}

// The room of each node may be more than the tasks need (--ntasks with --ntasks-per-node), and less
// (--overcommit): srun deals them out in turn.
std::vector<int> deal_out(int tasks, const std::vector<int>& room) {
    const auto nodes = static_cast<std::int64_t>(room.size());
    const auto all = std::accumulate(room.begin(), room.end(), std::int64_t{0});
    std::vector<int> dealt = room;
    if (tasks >= all) {
        const std::int64_t rest = tasks - all;
        for (std::int64_t node = 0; node < nodes; ++node)
            dealt[static_cast<std::size_t>(node)] +=
                static_cast<int>(rest / nodes + (node < rest % nodes ? 1 : 0));
        return dealt;
    }
    std::fill(dealt.begin(), dealt.end(), 0);
    while (tasks > 0)
        for (std::size_t node = 0; node < room.size() && tasks > 0; ++node) {
            if (dealt[node] == room[node]) continue;
            ++dealt[node];
            --tasks;
        }
    return dealt;
}

// A step's variables are of its own nodes, which may be fewer than the job's.
bool are_of_step(const std::vector<std::string>& environment, std::size_t nodes) {
    if (value_of(environment, "SLURM_STEP_ID").empty()) return false;
    const auto counts = parse_repeats(value_of(environment, tasks_variable));
    return !counts || counts->size() != nodes;
}

}  // namespace

bool is_step_of_several_tasks(const std::vector<std::string>& environment) {
    return !value_of(environment, "SLURM_STEP_ID").empty() &&
           parse_number<int>(value_of(environment, "SLURM_STEP_NUM_TASKS")).value_or(1) > 1;
}

std::optional<SlurmJob> find_slurm_job(const std::vector<std::string>& environment) {
    SlurmJob job{.id = std::string(value_of(environment, job_variable)), .nodes = {}};
    const std::string_view list = value_of(environment, nodes_variable);
    if (job.id.empty() || list.empty()) return std::nullopt;
    if (const auto parts = number_in(environment, "SLURM_HET_SIZE"); parts.value_or(1) > 1)
        fail(ErrorCode::usage,
             "Slurm job {} has {} parts (SLURM_HET_SIZE), and agents can be started in one only: "
             "name the hosts by --hosts, or start the ranks by srun",
             job.id, *parts);
    for (const std::string& name :
         parse_slurm_hosts(fmt::format("variable {}", nodes_variable), list))
        job.nodes.push_back({.name = name});
    const std::size_t count = job.nodes.size();
    const bool asks = !are_of_step(environment, count);
    const auto tasks = asks ? number_in(environment, "SLURM_NTASKS") : std::nullopt;
    std::vector<int> slots(count, 0);
    if (tasks || (asks && number_in(environment, "SLURM_NTASKS_PER_NODE")))
        slots = counts_in(environment, tasks_variable, count);
    if (tasks) slots = deal_out(*tasks, slots);
    std::vector<int> cpus(count, 0);
    if (!value_of(environment, cpus_variable).empty())
        cpus = counts_in(environment, cpus_variable, count);
    const int cpus_per_task = number_in(environment, "SLURM_CPUS_PER_TASK").value_or(1);
    for (std::size_t node = 0; node < count; ++node) {
        NamedHost& host = job.nodes[node];
        host.slots = slots[node];
        host.cpus = cpus[node];
        if (cpus[node] > 0) host.ranks_max = std::max(1, cpus[node] / cpus_per_task);
    }
    if (tasks) std::erase_if(job.nodes, [](const NamedHost& host) { return host.slots == 0; });
    return job;
}

}  // namespace ipcrun
