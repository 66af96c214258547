// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From what the user asked for and who goes where to what the agent is told to start. Pure.

#include <string>
#include <vector>

#include "launcher/agent_protocol.hpp"
#include "launcher/job_plan.hpp"
#include "launcher/options.hpp"
#include "launcher/program.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

/// The number that workers find their control socket at.
constexpr int control_fd_number = 3;
/// All arenas of a node together fit into the half of a 47-bit address space.
constexpr std::uint64_t heap_bytes_max = 1ull << 46;

/// Throws Error{usage} for more ranks than can be started on one host. A plan of too many takes its
/// time: to be called before one is made, too.
void check_rank_count(int ranks);

/// Throws Error{usage} when the options contradict the plan, the environment or each other.
/// `plan` is of one host.
Launch make_launch(const Options& options, const Program& program, const Surroundings& surroundings,
                   const JobPlan& plan);

/// One line a rank: "rank 3: cpus 6-7, NUMA node 0, 2 threads".
std::string format_bindings(const Launch& launch, const topology::Machine& machine);

}  // namespace ipcrun
