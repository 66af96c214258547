// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who descends from this process, read from /proc/PID/stat.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ipcrun {

struct ProcessEntry {
    pid_t pid = 0;
    pid_t parent = 0;
    char state = '?';              ///< as in proc(5); 'Z' is ended and not reaped
    std::uint64_t start_time = 0;  ///< with the pid it names a process for good
};

/// The line of /proc/PID/stat; the program's name in it may hold anything. nullopt: no such line.
std::optional<ProcessEntry> parse_stat(std::string_view line);

/// nullopt when there is no such process.
std::optional<ProcessEntry> read_process(pid_t pid);

/// Those of `entries` that descend from `ancestor`, without it and without all that descends from
/// `excluded`. Pure.
std::vector<ProcessEntry> select_descendants(const std::vector<ProcessEntry>& entries,
                                             pid_t ancestor, const std::vector<pid_t>& excluded);

/// All processes of the machine that can be seen. Some 20 us each.
std::vector<ProcessEntry> read_processes();

/// Does `pid` descend from this process?
bool is_descendant(pid_t pid);

}  // namespace ipcrun
