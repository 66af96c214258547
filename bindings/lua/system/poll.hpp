// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Waiting for descriptors in a thread that is to end with its program.

#include <poll.h>

#include <cerrno>
#include <span>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

/// poll(2) until one of `fds` is ready, or the deadline passes: false then. Throws Error{peer_lost}
/// in a thread of ipc.map when the program ends, which no descriptor tells: such a thread looks ten
/// times a second.
inline bool wait_ready(const Context& thread, std::span<pollfd> fds, Deadline deadline,
                       const char* operation) {
    constexpr Seconds look_interval{0.1};
    for (;;) {
        if (thread.is_worker && thread.household->is_closing())
            fail(ErrorCode::peer_lost, "{}: the program that this thread belongs to is ending",
                 operation);
        const Deadline next = thread.is_worker
                                  ? Deadline::sooner(deadline, Deadline::after(look_interval))
                                  : deadline;
        const int ready = ::poll(fds.data(), fds.size(), next.remaining_ms());
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) fail_errno(errno, operation);
        if (deadline.has_passed()) return false;
    }
}

}  // namespace ipcrun::lua
