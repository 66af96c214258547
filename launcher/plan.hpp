// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From what the user asked for and who goes where to what the agent is told to start. Pure.

#include <string>
#include <vector>

#include "launcher/agent_protocol.hpp"
#include "launcher/hosts/host_list.hpp"
#include "launcher/job_plan.hpp"
#include "launcher/options.hpp"
#include "launcher/program.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

/// The number that workers find their control socket at.
constexpr int control_fd_number = 3;
/// All arenas of a node together fit into the half of a 47-bit address space.
constexpr std::uint64_t heap_bytes_max = 1ull << 46;

/// Of the shared heap for each of `ranks` ranks on this machine: address space, most of it. Pure.
std::uint64_t arena_bytes(const topology::Machine& machine, int ranks);

/// Throws Error{usage} for more ranks than can be started on so many hosts. A plan of too many
/// takes its time: to be called before one is made, too.
void check_rank_count(int ranks, std::size_t hosts);

/// What the agent of each host is to start, by host; nothing for one that has no ranks. Throws
/// Error{usage} when the options contradict the plan, the environment or each other. `own_host`:
/// the one whose agent is on this host, with our standard input; -1: none.
std::vector<Launch> make_launches(const Options& options, const std::vector<NamedHost>& hosts,
                                  int own_host, const Program& program,
                                  const Surroundings& surroundings, const JobPlan& plan);

/// One line a rank: "rank 3: cpus 6-7, NUMA node 0, 2 threads"; where there are several hosts,
/// "rank 3: host h2, cpus …".
std::string format_bindings(const std::vector<Launch>& launches, const JobPlan& plan);

}  // namespace ipcrun
