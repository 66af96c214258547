// SPDX-License-Identifier: Apache-2.0
#pragma once
/// `ipcrun --join`: called by a process that another launcher started beside others
/// (runtime/world/step.hpp). Finds the others, by what that launcher offers; then the one of the
/// first rank of a node becomes the node's agent, and those of the others bring it their ranks.

namespace ipcrun {

/// argv: "ipcrun", "--join", the seconds within which all have to be there. Returns an exit status,
/// for the case that people call it.
int run_join(const char* seconds);

}  // namespace ipcrun
