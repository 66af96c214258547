// SPDX-License-Identifier: Apache-2.0
#include "base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

namespace ipcrun {

namespace {

static_assert(std::atomic<std::uint32_t>::is_always_lock_free &&
              sizeof(std::atomic<std::uint32_t>) == 4);

constexpr std::chrono::milliseconds slice{20};

// The kernel's struct futex_waitv; Debian 12's libc headers have it, older ones lack it.
struct WaitEntry {
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
};
constexpr std::uint32_t futex_32 = 2;
constexpr std::size_t words_max = 128;  // FUTEX_WAITV_MAX
#ifndef SYS_futex_waitv
constexpr long SYS_futex_waitv = 449;
#endif

timespec to_timespec(Clock::duration time) {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
}

// However it ends, callers look again.
void wait_for_one(const FutexWait& wait, std::optional<Clock::duration> time) {
    const timespec relative = to_timespec(time.value_or(Clock::duration()));
    (void)::syscall(SYS_futex, wait.word, FUTEX_WAIT, wait.seen, time ? &relative : nullptr,
                    nullptr, 0);
}

}  // namespace

void futex_wake(std::atomic<std::uint32_t>& word, int count) {
    // Waking cannot fail on a mapped word, and nothing could be done about it.
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
    futex_wake(word, INT_MAX);
}

void futex_wait_any(std::span<const FutexWait> words, Deadline deadline) {
    if (words.size() == 1) return wait_for_one(words[0], deadline.remaining());
    // futex_waitv takes an absolute time on the monotonic clock, which is what Clock is on Linux.
    timespec until{};
    if (!deadline.is_never())
        until = to_timespec((Clock::now() + *deadline.remaining()).time_since_epoch());
    if (words.size() <= words_max) {
        std::array<WaitEntry, words_max> entries;  // filled as far as it is used
        for (std::size_t i = 0; i < words.size(); ++i)
            entries[i] = {words[i].seen, reinterpret_cast<std::uintptr_t>(words[i].word), futex_32,
                          0};
        const long result = ::syscall(SYS_futex_waitv, entries.data(), words.size(), 0,
                                      deadline.is_never() ? nullptr : &until, CLOCK_MONOTONIC);
        if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return;
    }
    for (const FutexWait& wait : words)
        if (wait.word->load() != wait.seen) return;
    const auto left = deadline.remaining();
    wait_for_one(words[0], left ? std::min<Clock::duration>(*left, slice) : slice);
}

void futex_wait_either(std::atomic<std::uint32_t>& first, std::uint32_t first_seen,
                       std::atomic<std::uint32_t>& second, std::uint32_t second_seen,
                       Deadline deadline) {
    const FutexWait words[] = {{&first, first_seen}, {&second, second_seen}};
    futex_wait_any(words, deadline);
}

}  // namespace ipcrun
