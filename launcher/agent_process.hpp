// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the processes have in common that own others: the agent of a job, and that of a parent.

#include <sys/resource.h>

namespace ipcrun {

/// Whoever an agent works for says when to stop. What a terminal or a batch system sends to
/// everybody is not for the agent, which has to be the last to go.
void ignore_terminal_signals();

/// As many descriptors as this process may have: some four for each that it owns. Returns the limit
/// that those are to inherit. Throws Error{system}.
rlimit raise_open_files();

}  // namespace ipcrun
