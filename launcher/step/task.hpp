// SPDX-License-Identifier: Apache-2.0
#pragma once
/// `srun -n8 ipcrun train.lua`: each of these ipcrun is a task of a step, and so one rank of the
/// one world of all; there is nothing for it to launch but that.

#include <string>
#include <vector>

#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/options.hpp"

namespace ipcrun {

/// How this process finds those that another launcher started beside it; `alone`: there are none,
/// or this is a rank already, whose jobs are its own.
BootstrapChoice find_step(const std::vector<std::string>& environment);

/// Becomes the program of `options`, which joins the others by itself; or tells with --dry-run, and
/// with -v first, how it would find them. `arguments`: how many words were before the command.
/// Returns an exit status. Throws Error{usage} for options about what the other launcher has
/// decided already, and where the program cannot be executed.
int run_as_task(const Options& options, std::size_t arguments, const BootstrapChoice& choice);

}  // namespace ipcrun
