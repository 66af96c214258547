// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What `ipcrun --agent` does: the agent of a launcher on another host, which speaks through the
/// standard input and output that sshd gave it.
///
/// Two processes, so that neither can be killed and leave the job behind: a guard, and the agent
/// proper, its child. Each ends all descendants when the other is gone.

namespace ipcrun {

/// Returns the exit status of the process. Says on standard error what went wrong, which ssh brings
/// to the launcher.
int run_remote_agent();

}  // namespace ipcrun
