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

// ThreadSanitizer knows no wait for a mutex but by the clock on the wall, which can be set: if that
// ended it, it goes on.
int wait_for_lock(pthread_mutex_t& mutex, Deadline deadline) {
    for (;;) {
        const auto until = std::chrono::system_clock::now() + *deadline.remaining();
        const auto ns = std::chrono::nanoseconds(until.time_since_epoch()).count();
        const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
        const int result = ::pthread_mutex_timedlock(&mutex, &time);
        if (result != ETIMEDOUT || deadline.has_passed()) return result;
    }
}

}  // namespace

void lock_queue(QueueHeader& header, Seconds patience) {
    int result = try_for_a_while(header.mutex);
    if (result == EBUSY) result = wait_for_lock(header.mutex, Deadline::after(patience));
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
