// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where the error that ends a program goes: to the agent of the job, which prints it once for all
/// ranks, or to standard error.

#include <string_view>

#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun::lua {

class ErrorReport {
  public:
    /// Finds the control socket of the job in the environment, and keeps it from the programs that
    /// the script starts. Throws Error{config} when the job's variables make no sense.
    ErrorReport();

    /// Sends `text` (message and traceback) to the agent; without a job, or when that fails, prints
    /// it as "ipcrun-lua: text". Never throws, calls nothing of Lua.
    void send(Report::Kind kind, std::string_view text) const noexcept;

  private:
    int control_fd_ = -1;  ///< borrowed: the runtime joins the job over it; -1: no job
};

/// Prints "ipcrun-lua: text" on standard error.
void print_error(std::string_view text) noexcept;

}  // namespace ipcrun::lua
