// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How srun is called to start one agent on each node of a job.

#include <optional>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/unique_fd.hpp"
#include "launcher/hosts/host_list.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

struct SrunCall {
    std::string job;                        ///< its number
    std::vector<std::string> nodes;         ///< one agent on each
    std::string agent_path;                 ///< of ipcrun there
    std::optional<rlimit> open_files = {};  ///< what srun gets, and hands on
};

/// For people: "2 hosts of Slurm job 17, h[1-2], on which srun starts the agents". Pure.
std::string describe_slurm_hosts(const std::string& job, const std::vector<NamedHost>& hosts);

/// argv of srun: one task a node, which may use all that the job has there, beside other steps.
/// Pure.
std::vector<std::string> srun_argv(const SrunCall& call);

/// The environment for srun: without the variables that it reads as options, which users, sbatch
/// and salloc set for other steps than this one. Pure.
std::vector<std::string> srun_environment(std::vector<std::string> environment);

/// Variables that tell a process its step and its task: an agent has no use for them, and ranks
/// would take themselves for that task.
const std::vector<std::string>& variables_of_task();

/// Variables whose values are each node's own, like its GPUs: ranks get those of their agent.
const std::vector<std::string>& variables_of_node();

/// What is the launcher's task's, or its node's, leaves the environment of ranks for the above.
/// Pure.
Surroundings without_own_node(Surroundings surroundings);

struct Srun {
    Child process;    ///< in a session of its own
    UniqueFd output;  ///< what it and the agents say, on standard output or error
};
/// Starts srun, which gives `input` to each agent. Throws Error{system} or {usage} (there is no
/// srun).
Srun start_srun(const SrunCall& call, const std::vector<std::string>& environment,
                const std::string& input);

}  // namespace ipcrun
