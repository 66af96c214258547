// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/slurm_step.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/hosts/slurm_hosts.hpp"

namespace ipcrun {

namespace {

std::string variable(const Lookup& environment, std::string_view name) {
    const auto value = environment(name);
    if (!value)
        fail(ErrorCode::config,
             "a step of Slurm: {} is not set; let srun hand over its variables (--export)", name);
    return *value;
}

std::int64_t number(const Lookup& environment, std::string_view name, std::int64_t least,
                    std::int64_t most) {
    const std::string text = variable(environment, name);
    const auto value = parse_number<std::int64_t>(text);
    if (!value || *value < least || *value > most)
        fail(ErrorCode::config, "{}={}: this is no number from {} to {}", name, excerpt(text),
             least, most);
    return *value;
}

}  // namespace

std::optional<SlurmStep> find_slurm_step(const Lookup& environment) {
    // A batch script has a PROCID, too.
    if (!environment("SLURM_STEP_ID") || !environment("SLURM_PROCID")) return std::nullopt;
    constexpr std::int64_t many = std::numeric_limits<std::int32_t>::max();
    constexpr std::int64_t last_id = std::numeric_limits<std::uint32_t>::max();
    SlurmStep step;
    step.name = fmt::format("{}.{}", number(environment, "SLURM_JOB_ID", 1, last_id),
                            number(environment, "SLURM_STEP_ID", 0, last_id));
    if (environment("SLURM_RESTART_COUNT"))
        step.restarts = static_cast<int>(number(environment, "SLURM_RESTART_COUNT", 0, many));
    step.size = static_cast<int>(number(environment, "SLURM_STEP_NUM_TASKS", 1, many));
    step.rank = static_cast<int>(number(environment, "SLURM_PROCID", 0, many));
    // So it is where the parts of a heterogeneous step are counted apart.
    if (step.rank >= step.size)
        fail(ErrorCode::config,
             "step {} of Slurm: this is task {} of {}, which cannot be; if it has parts that were "
             "started together (srun A : B), start them in steps of their own",
             step.name, step.rank, step.size);
    step.local_rank = static_cast<int>(number(environment, "SLURM_LOCALID", 0, step.size - 1));
    step.own_node = variable(environment, "SLURMD_NODENAME");
    step.nodes =
        parse_slurm_hosts("SLURM_STEP_NODELIST", variable(environment, "SLURM_STEP_NODELIST"));
    if (std::find(step.nodes.begin(), step.nodes.end(), step.own_node) == step.nodes.end())
        fail(ErrorCode::config,
             "step {} of Slurm: this is the node {}, which SLURM_STEP_NODELIST does not name",
             step.name, step.own_node);
    return step;
}

}  // namespace ipcrun
