// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Processes at the ends of a shared queue, and what they do there.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "runtime/shared_queue.hpp"

namespace ipcrun::test {

inline UniqueFd descriptor_of(const SharedQueue& queue) {
    UniqueFd copy(::fcntl(queue.descriptor(), F_DUPFD_CLOEXEC, 0));
    check(static_cast<bool>(copy), "a descriptor cannot be duplicated");
    return copy;
}

/// What the queue's memory holds.
inline std::uint64_t held_bytes(const SharedQueue& queue) {
    struct stat status {};
    check(::fstat(queue.descriptor(), &status) == 0, "a memory cannot be looked at");
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

inline QueueOutcome try_write(SharedQueue& queue, const void* data, std::size_t bytes) {
    const Part part{const_cast<void*>(data), bytes, Dtype::u8};
    return queue.try_write({&part, 1});
}

/// What a wait does that finds nobody else there, after somebody was killed.
enum class Alone { is_fine, is_an_error };

/// Looks again until `condition()` holds; false when it does not within 20 s.
template <typename Condition>
bool wait_for(SharedQueue& queue, Bell& bell, Alone alone, Condition condition) {
    const Deadline deadline = Deadline::after(Seconds(20));
    for (;;) {
        const std::uint32_t generation = bell.generation.load();
        bell.sleepers.fetch_add(1);
        const bool holds = condition();
        const FutexWait wait{&bell.generation, generation};
        if (!holds) futex_wait_any({&wait, 1}, Deadline::after(Seconds(0.1)));
        bell.sleepers.fetch_sub(1);
        if (holds || condition()) return true;
        if (deadline.has_passed()) return false;
        try {
            queue.check_company();
        } catch (const Error& error) {
            // In most tests others are yet to come.
            if (alone == Alone::is_an_error || error.code != ErrorCode::peer_lost) throw;
        }
    }
}

/// Waits for room; false when the queue is closed.
inline bool write(SharedQueue& queue, const void* data, std::size_t bytes) {
    QueueOutcome outcome = QueueOutcome::would_wait;
    check(wait_for(queue, queue.writable(), Alone::is_fine,
                   [&] {
                       if (outcome == QueueOutcome::would_wait)
                           outcome = try_write(queue, data, bytes);
                       return outcome != QueueOutcome::would_wait;
                   }),
          "no room came");
    return outcome == QueueOutcome::done;
}

inline bool write(SharedQueue& queue, std::uint64_t number) {
    return write(queue, &number, sizeof number);
}

/// Waits for an item; null when the queue is drained.
inline StoragePtr read(SharedQueue& queue, Alone alone = Alone::is_fine) {
    StoragePtr item;
    QueueStatus after{};
    QueueOutcome outcome = QueueOutcome::would_wait;
    check(wait_for(queue, queue.readable(), alone,
                   [&] {
                       if (outcome == QueueOutcome::would_wait)
                           outcome = queue.try_read(item, after);
                       return outcome != QueueOutcome::would_wait;
                   }),
          "no item came");
    return item;
}

inline std::optional<std::uint64_t> read_number(SharedQueue& queue) {
    const StoragePtr item = read(queue);
    if (!item) return std::nullopt;
    std::uint64_t number = 0;
    std::memcpy(&number, item->data(), sizeof number);
    return number;
}

/// A child process that has the queue; `fault` as in IPCRUN_FAULT, where it is rank 0. It exits
/// without any clean-up but that of `body`: with status 1 after an exception.
class QueueProcess {
  public:
    QueueProcess(const SharedQueue& queue, const std::function<void(SharedQueue&)>& body,
                 const std::string& fault = "") {
        pid_ = ::fork();
        check(pid_ >= 0, "fork() has failed");
        if (pid_ != 0) return;
        int status = 1;
        try {
            const Faults faults = fault.empty() ? Faults() : Faults(fault, 0);
            const auto own = SharedQueue::attach(descriptor_of(queue), faults);
            body(*own);
            status = 0;
        } catch (const std::exception&) {
        }
        ::_exit(status);
    }
    QueueProcess(const QueueProcess&) = delete;
    ~QueueProcess() {
        if (pid_ > 0) kill();
    }

    void kill() {
        (void)::kill(pid_, SIGKILL);
        (void)wait();
    }
    /// Its wait status.
    int wait() {
        int status = 0;
        check(::waitpid(pid_, &status, 0) == pid_, "a child cannot be waited for");
        pid_ = -1;
        return status;
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
};

}  // namespace ipcrun::test
