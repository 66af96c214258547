// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What `ipcrun --agent` does: the agent of a launcher on another host, which speaks through the
/// standard input and output that sshd gave it. See guard.hpp.

namespace ipcrun {

/// Returns the exit status of the process. Says on standard error what went wrong, which ssh brings
/// to the launcher.
int run_remote_agent();

}  // namespace ipcrun
