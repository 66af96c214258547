// SPDX-License-Identifier: Apache-2.0
#pragma once
/// An agent that was started from another host, in two processes, so that neither can be killed and
/// leave the job behind: a guard, and the agent proper, its child. Each ends all descendants when
/// the other is gone.

#include <sys/types.h>

#include <optional>
#include <vector>

#include "launcher/agent.hpp"
#include "launcher/frames.hpp"

namespace ipcrun {

/// Runs the agent in a child of this process until it has ended, and leaves no descendant but for
/// those of `not_ours`. Signals that end programs are ignored; in a step those of step_signals,
/// which the caller has held, are the agent's, to which they come from here. Returns the exit
/// status for this process.
int guard_agent(Connection connection, const std::vector<pid_t>& not_ours,
                const std::optional<BatchStep>& step = {});

/// For people, on standard error, which whoever started this process brings to the launcher.
void say_on_host(const char* what, const char* why);

}  // namespace ipcrun
