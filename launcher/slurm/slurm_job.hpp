// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The Slurm job that a process is in, as its environment tells: salloc and sbatch say which nodes
/// there are, and how many tasks were asked for. Pure.

#include <optional>
#include <string>
#include <vector>

#include "launcher/hosts/host_list.hpp"

namespace ipcrun {

struct SlurmJob {
    std::string id;
    std::vector<NamedHost> nodes;  ///< with the slots, and the CPUs, that the job has there
};

/// Is this process one of several tasks that an srun has started? Then it is to join the others,
/// rather than to start any.
bool is_step_of_several_tasks(const std::vector<std::string>& environment);

/// The job whose nodes this process may start things on; nullopt: it is in none. Slots are the
/// tasks that were asked for, by --ntasks (dealt out as srun does) or by --ntasks-per-node; where
/// none were, a node has a slot for each core, and no more than CPUs for tasks of --cpus-per-task.
/// Throws Error{usage} for what Slurm cannot have set, and for a job of several parts, which one
/// srun does not reach.
std::optional<SlurmJob> find_slurm_job(const std::vector<std::string>& environment);

}  // namespace ipcrun
