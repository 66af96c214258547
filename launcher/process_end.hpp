// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How a process ended that is somebody else's child.

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace ipcrun {

/// To be asked when `pidfd` is readable, which is that of process `pid`. As waitpid(2) gives it;
/// nullopt: only its parent knows. While it has not been reaped /proc tells, afterwards the kernel
/// (since Linux 6.15).
std::optional<int> end_of_other(pid_t pid, int pidfd);

/// The status in the line of /proc/PID/stat, if it is of a process that has ended. Pure.
std::optional<int> parse_end(std::string_view stat_line);

}  // namespace ipcrun
