// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The end of a relay on the parent's host: the process that the parent takes for its child. It has
/// an agent on the child's host start the far end, and ends as the child does.

#include <string>
#include <vector>

namespace ipcrun {

/// Until the child has ended. Returns its end, as waitpid(2) gives it; what was in the way of one
/// has been reported to the parent. `arguments`: see NearOrder. Throws Error{usage} in a process
/// that is nobody's child.
int run_near_end(const std::vector<std::string>& arguments);

}  // namespace ipcrun
