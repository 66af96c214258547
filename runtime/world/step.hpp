// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A rank without ipcrun above it: one of several processes that another launcher started side by
/// side (a step of srun). How they find each other is the work of `ipcrun --join`, in a process of
/// its own: no library of PMI, and no thread of one, is ever in this one.

#include <functional>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

/// Gives the path of the program ipcrun. Throws Error{config}.
using FindIpcrun = std::function<std::string()>;

/// Joins the others, if the environment speaks of any; nullopt: this process is alone. Sets the
/// variables of its place, so that no program that it starts takes itself for the same rank; its
/// control socket is closed on exec. Blocks until all are there, for IPCRUN_JOIN_TIMEOUT seconds at
/// most (120). Throws Error: timeout, config (they cannot find each other: why and what to do),
/// peer_lost, system. `spare`: what ipcrun has beyond that time, to say why nobody came.
std::optional<RankEnvironment> join_step(const FindIpcrun& find_ipcrun,
                                         Seconds spare = Seconds(10));

/// The last word to the agent, over the control socket: it is needed no longer. Waits for it to let
/// go, and the last one on a node so for its end; for a second at most.
void leave_step(int control_fd) noexcept;

}  // namespace ipcrun
