// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Starting a program as a child process, bound to CPUs and memory, without a shell.

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace ipcrun {

struct SpawnOptions {
    std::string file;                      ///< path of the program; not searched for
    std::vector<std::string> argv;         ///< argv[0] included
    std::vector<std::string> environment;  ///< "NAME=value" each; the whole environment
    std::string directory;                 ///< working directory; empty: the parent's
    /// {descriptor here, number there}: all others are closed by close-on-exec. The numbers there
    /// must not collide with later descriptors here (keep them in ascending order, or high).
    std::vector<std::pair<int, int>> descriptors;
    std::vector<int> cpus;          ///< allowed CPUs; empty: the parent's
    std::vector<int> memory_nodes;  ///< NUMA nodes to prefer for memory; empty: the parent's policy
    int death_signal = 0;           ///< sent to the child when the spawning thread ends; 0: none
    bool own_process_group = true;
    bool own_session = false;          ///< with a group of its own, and without a terminal
    pid_t process_group = 0;           ///< the group to enter where it gets its own; 0: a new one
    std::vector<int> ignored_signals;  ///< stay ignored in the child; all others get their default
    std::optional<rlimit> open_files;  ///< RLIMIT_NOFILE of the child; nullopt: the parent's
};

/// A running or ended child. Dropping it neither signals nor reaps: its owner's loop does that.
struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;

    /// Sends `signal_number` to the child alone; false when it has been reaped.
    bool signal(int signal_number) const;
};

/// Starts a program and returns once it is executing. Signals are unblocked in the child,
/// and at their defaults but for `ignored_signals`. Throws Error{system} naming the step that
/// failed and its object; then there is no child. Shares the parent's memory until the exec (as
/// posix_spawn does), so its cost does not grow with the size of this process.
Child spawn(const SpawnOptions& options);

}  // namespace ipcrun
