// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A process named for good: its pid may be another's one day, its start time then differs.

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace ipcrun {

struct ProcessIdentity {
    pid_t pid = 0;
    std::uint64_t start_time = 0;     ///< ticks since boot, of /proc/PID/stat; 0: not known
    std::uint64_t pid_namespace = 0;  ///< in which the pid counts; 0: not known

    bool operator==(const ProcessIdentity&) const = default;
};

ProcessIdentity own_identity();

/// Has the process ended? A zombie has. What cannot be known is taken to live: where /proc is not
/// there, or for a process of another pid namespace than `own`. Costs some 15 us.
bool has_ended(const ProcessIdentity& process, const ProcessIdentity& own);

}  // namespace ipcrun
