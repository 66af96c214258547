// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agent of a process that starts children (runtime/children.hpp): it starts them, shares out
/// the memory by which parent and child exchange messages, tells how they end, and ends them all
/// when the parent is gone.

#include "base/unique_fd.hpp"

namespace ipcrun {

/// Serves the parent at the other end of a packet socket until it is gone, and leaves no descendant
/// of this process alive. The calling process becomes a subreaper and has no other children.
void run_family(UniqueFd parent);

}  // namespace ipcrun
