// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What `ipcrun --slurm-agent` does: the agent of a launcher, on a node of a job of Slurm. It is a
/// task of srun's, whose standard input says how the launcher is reached: see call.hpp.

namespace ipcrun {

/// Returns the exit status of the process. Says on standard error what went wrong, which srun
/// brings to the launcher.
int run_slurm_agent();

}  // namespace ipcrun
