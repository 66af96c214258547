// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The lock of a shared queue, whose holder may die or be stopped.

#include "base/deadline.hpp"
#include "runtime/wire/queue_memory.hpp"

namespace ipcrun {

/// Longer than anybody holds it who runs.
constexpr Seconds queue_lock_patience{30};

/// Takes the lock. When its last holder has died with it the books are marked as stale. Throws
/// Error: timeout (a process was stopped while it held it), protocol (the lock was written over).
void lock_queue(QueueHeader& header, Seconds patience);

/// By the thread that has it.
void unlock_queue(QueueHeader& header);

}  // namespace ipcrun
