// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ending every descendant of this process, whatever it did to get away: sessions and process
/// groups of its own, daemons, ignored signals. It needs this process to be their subreaper.

#include <sys/types.h>

#include <functional>
#include <vector>

#include "base/deadline.hpp"

namespace ipcrun {

/// From now on descendants that lose their parent become children of this process.
void become_subreaper();

/// Children that this process was born with (a shell may have started some before it executed us):
/// they are none of our business.
std::vector<pid_t> current_children();

struct SweepOptions {
    std::vector<pid_t> excluded = {};  ///< with all that descends from them
    Deadline deadline = Deadline::never();
    /// Told of each child that is reaped, with its status as waitpid(2) gives it.
    std::function<void(pid_t, int)> reaped = [](pid_t, int) {};
};

/// Reaps all children that have ended; false when there is none left, alive or not.
bool reap_children(const std::function<void(pid_t, int)>& reaped);

/// Kills and reaps all descendants; returns how many could not be ended by the deadline (processes
/// that are stuck in the kernel). Blocks until they have ended: milliseconds.
int kill_descendants(const SweepOptions& options);

}  // namespace ipcrun
