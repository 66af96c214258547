// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A plan that is shown and not carried out: --dry-run, --json, --picture, --explain.

#include "launcher/inputs.hpp"
#include "launcher/options.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

/// Plans for what was described, or for this machine, prints what the options ask for on standard
/// output, and writes the picture. Returns the exit status. Throws Error{usage} where the options
/// do not fit the machines or the picture cannot be written, Error{system} where standard output
/// cannot.
int show_plan(const Options& options, const Inputs& inputs, const Surroundings& surroundings);

}  // namespace ipcrun
