// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A first-in-first-out queue between threads of one process: many writers, many readers, closable.
/// Nothing in it waits: who wants to does so on its bells, and says when it looks and leaves.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>

#include "runtime/queue_status.hpp"
#include "runtime/ring_buffer.hpp"
#include "runtime/waiter.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// A bell of which one sleeper at a time is woken: one that comes and finds more than it takes
/// wakes the next. So a burst costs one system call, and with more threads than CPUs those that
/// are awake do the work while the woken one waits for a CPU.
class ChainedBell {
  public:
    Bell& bell() { return bell_; }
    /// Wakes one, unless one is on its way. The rule of Bell::ring holds.
    void ring() {
        while (bell_.sleepers.load() > 0 && !is_waking_.exchange(true)) {
            // Asked again: who is counted now arrives later than this, and takes the mark away.
            if (bell_.sleepers.load() > 0) return bell_.ring(1);
            is_waking_ = false;
        }
    }
    void ring_all() { bell_.ring_all(); }
    /// Whoever waits on the bell looks next, perhaps since it was woken.
    void look() {
        if (is_waking_.load()) is_waking_ = false;
    }
    /// Whoever has waited on the bell waits no more; `has_more`, asked then, says whether another
    /// sleeper would find something.
    template <typename HasMore>
    void leave(HasMore has_more) {
        is_waking_ = false;
        if (bell_.sleepers.load() > 0 && has_more()) ring();
    }

  private:
    Bell bell_ = {};
    // Set while one who was woken has not looked yet.
    std::atomic<bool> is_waking_ = false;
};

template <typename T>
class Queue {
  public:
    /// `capacity`: how many items may wait in it; 0: any number.
    explicit Queue(std::uint64_t capacity) : capacity_(capacity) {}
    Queue(const Queue&) = delete;

    /// Moves as many of `items` to the end as there is room for, in one go, from the first on;
    /// `written` says how many. Done when that is all. Throws std::bad_alloc, with nothing
    /// changed. Cost: a short lock, in which nothing is copied; likewise try_read.
    QueueOutcome try_write(std::span<T> items, std::size_t& written) {
        written = 0;
        {
            const Lock lock(write_mutex_);
            if (is_closed_.load()) return QueueOutcome::refused;
            const std::size_t taken = std::min<std::uint64_t>(items.size(), room());
            incoming_.reserve(taken);
            while (written < taken) incoming_.push(std::move(items[written++]));
            written_ = written_.load() + written;
        }
        if (written > 0) readable_.ring();
        return written == items.size() ? QueueOutcome::done : QueueOutcome::would_wait;
    }
    QueueOutcome try_write(T& item) {
        std::size_t written = 0;
        return try_write({&item, 1}, written);
    }

    /// Takes the first item into `item`, which is empty. `after`, when it is done: open, or closed
    /// for an item of a closed queue.
    QueueOutcome try_read(T& item, QueueStatus& after) {
        // In this order: nothing is written behind the closing.
        const bool was_closed = is_closed_.load();
        if (ready_.load() == 0 && items() == 0)
            return was_closed ? QueueOutcome::refused : QueueOutcome::would_wait;
        if (!take(item))
            return is_closed_.load() && items() == 0 ? QueueOutcome::refused
                                                     : QueueOutcome::would_wait;
        const bool is_closed = is_closed_.load();
        after = is_closed ? QueueStatus::closed : QueueStatus::open;
        if (capacity_ > 0) writable_.ring();
        if (is_closed && items() == 0) readable_.ring_all();
        return QueueOutcome::done;
    }

    /// From now on nothing is written. Closing again does nothing.
    void close() {
        {
            const Lock lock(write_mutex_);
            is_closed_ = true;
        }
        ring_all();
    }

    QueueStatus status() const {
        if (!is_closed_.load()) return QueueStatus::open;
        return items() == 0 ? QueueStatus::drained : QueueStatus::closed;
    }

    std::uint64_t items() const {
        // In this order: what was taken had been written.
        const std::uint64_t taken = taken_.load();
        return written_.load() - taken;
    }
    std::uint64_t capacity() const { return capacity_; }

    /// Rung when there is something to read, or when the queue was closed or drained.
    Bell& readable() { return readable_.bell(); }
    /// Rung when there is room for an item, or when the queue was closed.
    Bell& writable() { return writable_.bell(); }
    void ring_all() {
        readable_.ring_all();
        writable_.ring_all();
    }

    /// To be called by whoever waits on the bell: before each look, and in the end, however that
    /// came, for the wake-up may have been meant for another.
    void reader_looks() { readable_.look(); }
    void reader_leaves() {
        readable_.leave([this] { return items() > 0; });
    }
    void writer_looks() { writable_.look(); }
    void writer_leaves() {
        writable_.leave([this] { return room() > 0; });
    }

  private:
    // Held for so short a time that it is worth some looks before a sleep.
    class Lock {
      public:
        explicit Lock(std::mutex& mutex) : mutex_(mutex) {
            for (int looks = 0; looks < looks_max; ++looks) {
                if (mutex_.try_lock()) return;
                Waiter::pause();
            }
            mutex_.lock();
        }
        Lock(const Lock&) = delete;
        ~Lock() { mutex_.unlock(); }

      private:
        static constexpr int looks_max = 40;
        std::mutex& mutex_;
    };

    std::uint64_t room() const {
        if (capacity_ == 0) return ~std::uint64_t(0);
        const std::uint64_t count = items();
        return count < capacity_ ? capacity_ - count : 0;
    }
    // Readers take what writers have put together all at once, so that the two rarely meet.
    bool take(T& item) {
        const Lock lock(read_mutex_);
        if (outgoing_.is_empty()) {
            const Lock write_lock(write_mutex_);
            outgoing_.swap(incoming_);
        }
        if (outgoing_.is_empty()) return false;
        item = outgoing_.pop();
        ready_.store(outgoing_.size(), std::memory_order_relaxed);
        taken_ = taken_.load(std::memory_order_relaxed) + 1;
        return true;
    }

    const std::uint64_t capacity_;
    // Apart, so that CPUs that write and CPUs that read seldom ask each other for a cache line.
    alignas(64) std::mutex write_mutex_;
    RingBuffer<T> incoming_;
    std::atomic<std::uint64_t> written_ = 0;  // since the beginning
    alignas(64) std::mutex read_mutex_;
    RingBuffer<T> outgoing_;
    std::atomic<std::uint64_t> ready_ = 0;  // how many are in outgoing_
    std::atomic<std::uint64_t> taken_ = 0;
    alignas(64) std::atomic<bool> is_closed_ = false;  // written under the lock of writers
    alignas(64) ChainedBell readable_;
    alignas(64) ChainedBell writable_;
};

}  // namespace ipcrun
