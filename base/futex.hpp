// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Sleeping on a 32-bit word of shared memory, and waking those who do: futex(2), across processes.

#include <atomic>
#include <cstdint>

#include "base/deadline.hpp"

namespace ipcrun {

/// Wakes up to `count` sleepers on `word`.
void futex_wake(std::atomic<std::uint32_t>& word, int count);
void futex_wake_all(std::atomic<std::uint32_t>& word);

/// Sleeps while `first` holds `first_seen` and `second` holds `second_seen`, until either is woken
/// or the deadline passes. May return early without reason: callers look again. Kernels without
/// futex_waitv (before 5.16, or forbidden) sleep on `first` in slices of 20 ms instead.
void futex_wait_either(std::atomic<std::uint32_t>& first, std::uint32_t first_seen,
                       std::atomic<std::uint32_t>& second, std::uint32_t second_seen,
                       Deadline deadline);

}  // namespace ipcrun
