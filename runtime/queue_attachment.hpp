// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A process's part in a shared queue: the mapping, its number among the participants, and the lock
/// with what is to be done when its last holder has died. Lives until the last item is let go that
/// was read through it.

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/fork_guard.hpp"
#include "runtime/faults.hpp"
#include "runtime/queue_books.hpp"
#include "runtime/queue_participants.hpp"

namespace ipcrun {

class QueueAttachment {
  public:
    /// Throws Error: protocol (see QueueMemory), config (too many have it).
    QueueAttachment(UniqueFd fd, Faults faults);
    QueueAttachment(const QueueAttachment&) = delete;
    /// Lets go of the queue; in a child after fork() of the mapping alone.
    ~QueueAttachment();

    /// While one lives this thread has the lock, and the books are in order. Whoever died with it
    /// has taken no more along than what it was in the middle of.
    class Locked {
      public:
        explicit Locked(QueueAttachment& attachment);
        /// After an exception the books are made anew by the next.
        ~Locked();
        Locked(const Locked&) = delete;

        QueueBooks* operator->() const { return &attachment_.books_; }
        /// Makes the books anew, without those who have ended.
        void recover();

      private:
        QueueAttachment& attachment_;
        int exceptions_;
        bool has_recovered_ = false;
    };

    QueueMemory& memory() { return memory_; }
    QueueHeader& header() const { return memory_.header(); }
    std::uint32_t number() const { return number_; }
    const ProcessIdentity& own() const { return own_; }
    bool has_others() const { return participants_.has_others(); }

    /// Throws Error{usage} in a child after fork().
    void check_ours() const;
    bool is_ours() const { return guard_.is_ours(); }

    /// Looks for participants that have ended, and frees what they had; returns idle memory. Unless
    /// somebody has just done so.
    void look_after();
    /// Frees what a reader held. Does not throw; nothing in a child after fork(). Any thread.
    void release(std::uint32_t slot);

    /// The number of the next operation, for faults.
    std::uint32_t next_operation() { return faults_.is_armed() ? ++operations_ : 0; }
    void pass(FaultPoint point, std::uint32_t operation) const { faults_.at(point, operation); }

  private:
    void note_size(std::uint64_t room);
    void punch_beyond(std::uint64_t kept_bytes);

    QueueMemory memory_;
    Faults faults_;
    ForkGuard guard_;
    const ProcessIdentity own_ = own_identity();
    QueueParticipants participants_;
    QueueBooks books_;
    std::uint32_t number_ = 0;
    std::atomic<std::uint32_t> operations_ = 0;
};

}  // namespace ipcrun
