// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The process of a batch system that a task descends from, and that ends it when its time is over.

#include <sys/types.h>

#include "base/unique_fd.hpp"

namespace ipcrun {

/// A pidfd of the slurmstepd above `task`; invalid where there is none.
UniqueFd find_supervisor(pid_t task);

/// Has the batch system end what is left of this process's step: srun does not notice that a
/// slurmstepd has ended, and would wait without end for the tasks that this was to report. Blocks
/// for seconds at most; whether it helped is not known.
void end_step() noexcept;

}  // namespace ipcrun
