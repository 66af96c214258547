// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Sleeping on a 32-bit word of shared memory, and waking those who do: futex(2), across processes.

#include <atomic>
#include <cstdint>
#include <span>

#include "base/deadline.hpp"

namespace ipcrun {

/// Wakes up to `count` sleepers on `word`.
void futex_wake(std::atomic<std::uint32_t>& word, int count);
void futex_wake_all(std::atomic<std::uint32_t>& word);

/// A word, and what it holds for as long as there is nothing to wake for.
struct FutexWait {
    std::atomic<std::uint32_t>* word;
    std::uint32_t seen;
};

/// Sleeps while each of the words (at least one) holds what was seen, until one of them is woken or
/// the deadline passes. May return early without reason: callers look again. Kernels without
/// futex_waitv (before 5.16, or forbidden) sleep on the first of several in slices of 20 ms
/// instead; so does everybody with more than 128.
void futex_wait_any(std::span<const FutexWait> words, Deadline deadline);

/// The same for two.
void futex_wait_either(std::atomic<std::uint32_t>& first, std::uint32_t first_seen,
                       std::atomic<std::uint32_t>& second, std::uint32_t second_seen,
                       Deadline deadline);

}  // namespace ipcrun
