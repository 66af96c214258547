// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A first-in-first-out queue between threads of one process: many writers, many readers, closable.
/// Nothing in it waits: who wants to does so on its bells.

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "runtime/wire/bell.hpp"

namespace ipcrun {

enum class QueueStatus : std::uint8_t {
    open,
    closed,   ///< nothing more is written; there is something left to read
    drained,  ///< closed, and nothing is left
};

/// What became of an attempt to write or read.
enum class QueueOutcome : std::uint8_t {
    done,
    would_wait,  ///< the queue is full, or empty
    refused,     ///< to write: it is closed; to read: it is drained
};

template <typename T>
class Queue {
  public:
    /// `capacity`: how many items may wait in it; 0: any number.
    explicit Queue(std::uint64_t capacity) : capacity_(capacity) {}
    Queue(const Queue&) = delete;

    /// Moves `item` to the end, unless the outcome is another. Throws std::bad_alloc, with nothing
    /// changed. Cost: a short lock, in which nothing is copied; likewise try_read.
    QueueOutcome try_write(T& item) {
        {
            const std::lock_guard lock(mutex_);
            if (is_closed_.load()) return QueueOutcome::refused;
            if (is_full()) return QueueOutcome::would_wait;
            items_.push_back(std::move(item));
            count_.fetch_add(1);
        }
        readable_.ring(1);
        return QueueOutcome::done;
    }

    /// Takes the first item. `after`, when it is done: open, or closed for an item of a closed
    /// queue.
    QueueOutcome try_read(T& item, QueueStatus& after) {
        if (count_.load() == 0 && !is_closed_.load()) return QueueOutcome::would_wait;
        bool is_last = false;
        {
            const std::lock_guard lock(mutex_);
            const bool is_closed = is_closed_.load();
            if (items_.empty()) return is_closed ? QueueOutcome::refused : QueueOutcome::would_wait;
            item = std::move(items_.front());
            items_.pop_front();
            count_.fetch_sub(1);
            after = is_closed ? QueueStatus::closed : QueueStatus::open;
            is_last = is_closed && items_.empty();
        }
        if (capacity_ > 0) writable_.ring(1);
        if (is_last) readable_.ring_all();
        return QueueOutcome::done;
    }

    /// From now on nothing is written. Closing again does nothing.
    void close() {
        {
            const std::lock_guard lock(mutex_);
            is_closed_ = true;
        }
        ring_all();
    }

    QueueStatus status() const {
        const std::lock_guard lock(mutex_);
        if (!is_closed_.load()) return QueueStatus::open;
        return items_.empty() ? QueueStatus::drained : QueueStatus::closed;
    }

    std::uint64_t items() const { return count_.load(); }
    std::uint64_t capacity() const { return capacity_; }

    /// Rung when there is something to read, or when the queue was closed or drained.
    Bell& readable() { return readable_; }
    /// Rung when there is room for an item, or when the queue was closed.
    Bell& writable() { return writable_; }
    void ring_all() {
        readable_.ring_all();
        writable_.ring_all();
    }

  private:
    bool is_full() const { return capacity_ > 0 && items_.size() >= capacity_; }

    const std::uint64_t capacity_;
    mutable std::mutex mutex_;
    std::deque<T> items_;
    // Written under the lock; read also without it, by those who wait.
    std::atomic<std::uint64_t> count_ = 0;
    std::atomic<bool> is_closed_ = false;
    alignas(64) Bell readable_ = {};
    alignas(64) Bell writable_ = {};
};

}  // namespace ipcrun
