// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_lock.hpp"

#include <time.h>

#include <cerrno>

#include "base/fail.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun {

namespace {

// Critical sections are shorter than a sleep: a while is spent on trying.
int try_for_a_while(pthread_mutex_t& mutex) {
    constexpr int tries = 100;
    int result = EBUSY;
    for (int i = 0; i < tries && result == EBUSY; ++i) {
        for (int pauses = 0; pauses < i % 8; ++pauses) Waiter::pause();
        result = ::pthread_mutex_trylock(&mutex);
    }
    return result;
}

// To the clock that Clock is on Linux.
timespec to_timespec(Clock::time_point time) {
    const auto ns = std::chrono::nanoseconds(time.time_since_epoch()).count();
    return {ns / 1'000'000'000, ns % 1'000'000'000};
}

}  // namespace

void lock_queue(QueueHeader& header, Seconds patience) {
    int result = try_for_a_while(header.mutex);
    if (result == EBUSY) {
        const timespec until =
            to_timespec(Clock::now() + std::chrono::duration_cast<Clock::duration>(patience));
        result = ::pthread_mutex_clocklock(&header.mutex, CLOCK_MONOTONIC, &until);
    }
    if (result == 0) [[likely]]
        return;
    if (result == ETIMEDOUT)
        fail(ErrorCode::timeout,
             "use a shared queue: one of its processes does not go on in the middle of using it "
             "(was it stopped?)");
    if (result != EOWNERDEAD) fail_overwritten();
    header.is_stale = 1;
    (void)::pthread_mutex_consistent(&header.mutex);  // fails for those alone who do not have it
}

void unlock_queue(QueueHeader& header) {
    (void)::pthread_mutex_unlock(&header.mutex);  // the same
}

}  // namespace ipcrun
