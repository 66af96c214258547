// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The process that owns a node's share of a job: its workers, the memory they share, their output.
/// It does what the launcher says, and when the launcher is gone it ends everything.

#include "base/child.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

/// Runs the agent on a connected stream socket until the launcher is gone, and leaves no descendant
/// of this process alive. `devices`: look for GPUs and NICs, too, which takes some ms. The calling
/// process becomes a subreaper and has no other children.
void run_agent(UniqueFd launcher, bool devices);

struct LocalAgent {
    Child process;
    UniqueFd socket;
};

/// Forks this process, which should still be small, and runs the agent in the child.
LocalAgent start_local_agent(bool devices);

}  // namespace ipcrun
