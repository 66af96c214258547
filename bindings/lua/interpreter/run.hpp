// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One run of ipcrun-lua: from options to an exit status.

#include "bindings/lua/interpreter/error_report.hpp"
#include "bindings/lua/interpreter/options.hpp"

namespace ipcrun::lua {

/// Runs what the options ask for in a Lua state of its own, which is closed before it returns, so
/// that __close and __gc have run. An error that ends the program goes to `report`. The exit
/// status: 0, or 1 after an error.
int run(const Options& options, int argc, char** argv, const ErrorReport& report);

}  // namespace ipcrun::lua
