// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_attachment.hpp"

#include <algorithm>
#include <exception>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "runtime/queue_lock.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t idle_bytes_max = 32 << 20;     // when no large item has come for a while
constexpr std::uint64_t between_bytes_min = 64 << 20;  // of free warm memory, from item to item
constexpr std::uint64_t punched_bytes_min = 8 << 20;
constexpr std::uint64_t large_bytes_min = 1 << 20;
constexpr std::chrono::nanoseconds idle_time = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds look_interval = std::chrono::milliseconds(50);

// The same clock in all processes of the host.
std::int64_t now_ns() {
    return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

}  // namespace

QueueAttachment::Locked::Locked(QueueAttachment& attachment)
    : attachment_(attachment), exceptions_(std::uncaught_exceptions()) {
    QueueHeader& header = attachment_.header();
    lock_queue(header, queue_lock_patience);
    if (header.is_stale == 0) [[likely]]
        return;
    try {
        recover();
    } catch (...) {
        unlock_queue(header);
        throw;
    }
}

QueueAttachment::Locked::~Locked() {
    QueueHeader& header = attachment_.header();
    if (std::uncaught_exceptions() > exceptions_) header.is_stale = 1;
    unlock_queue(header);
    if (!has_recovered_) return;
    // Whoever died may not have rung, and there may be room or an end where there was none.
    header.readable.ring_all();
    header.writable.ring_all();
}

void QueueAttachment::Locked::recover() {
    const auto alive = attachment_.participants_.find_alive();
    attachment_.books_.make_anew(alive);
    attachment_.participants_.bury(alive);
    attachment_.header().is_stale = 0;
    has_recovered_ = true;
}

QueueAttachment::QueueAttachment(UniqueFd fd, Faults faults)
    : memory_(std::move(fd)),
      faults_(std::move(faults)),
      participants_(memory_, own_),
      books_(memory_) {
    Locked locked(*this);
    auto number = participants_.enter();
    if (!number) {
        locked.recover();
        number = participants_.enter();
    }
    if (!number)
        fail(ErrorCode::config, "attach to a shared queue: {} have it already, which is the limit",
             queue_participants_max);
    number_ = *number;
}

QueueAttachment::~QueueAttachment() {
    // Nothing is reserved or taken any more. One store: no lock is needed, and none could fail.
    if (is_ours()) participants_.clear(number_);
}

void QueueAttachment::check_ours() const {
    if (!is_ours())
        fail(ErrorCode::usage,
             "use a shared queue: this process was forked from the one that opened it; open the "
             "queue again");
}

void QueueAttachment::look_after() {
    QueueHeader& head = header();
    const std::int64_t now = now_ns();
    std::int64_t before = head.looked_at.load();
    if (before <= now && now - before < look_interval.count()) return;
    if (!head.looked_at.compare_exchange_strong(before, now)) return;
    const bool has_dead = participants_.has_dead(participants_.find_alive());
    {
        Locked locked(*this);
        if (has_dead) locked.recover();
        if (now - head.large_at.load() < idle_time.count()) return;
        head.large_bytes = 0;
    }
    punch_beyond(idle_bytes_max);
}

void QueueAttachment::release(std::uint32_t slot) {
    if (!is_ours()) return;
    try {
        bool is_awaited;
        std::uint64_t kept_bytes;
        {
            Locked locked(*this);
            const std::uint64_t room = locked->room(slot).bytes;
            locked->release(slot, number_, true);
            note_size(room);
            is_awaited = header().starved_bytes.exchange(0) != 0;
            // Two buffers go back and forth where items are read as fast as they come.
            kept_bytes = std::max(between_bytes_min, 2 * header().large_bytes);
            if (header().warm_bytes < kept_bytes + punched_bytes_min) kept_bytes = 0;
        }
        if (is_awaited) header().writable.ring_all();
        if (kept_bytes != 0) punch_beyond(kept_bytes);
    } catch (const std::exception&) {
        // Written over, or no memory: the books are made anew by whoever comes next, and then this
        // item is there for as long as this process has the queue.
    }
}

// With the lock.
void QueueAttachment::note_size(std::uint64_t room) {
    if (room < large_bytes_min) return;
    QueueHeader& head = header();
    const std::int64_t now = now_ns();
    const bool is_long_ago = now - head.large_at.load() > idle_time.count();
    if (is_long_ago || room >= head.large_bytes / 2) head.large_at.store(now);
    if (is_long_ago || room > head.large_bytes) head.large_bytes = room;
}

// Returns free memory to the system until so much of it is held. Not under the lock: it takes 0.1
// us a page. Meanwhile a slot has it.
void QueueAttachment::punch_beyond(std::uint64_t kept_bytes) {
    for (;;) {
        std::optional<std::uint32_t> slot;
        QueueRuns::Room room{};
        {
            Locked locked(*this);
            const std::uint64_t warm_bytes = header().warm_bytes;
            if (warm_bytes <= kept_bytes) return;
            slot = locked->take_warm(number_, warm_bytes - kept_bytes);
            if (!slot) return;
            room = locked->room(*slot);
        }
        memory_.punch_data(room.offset, room.bytes);
        Locked(*this)->release(*slot, number_, false);
    }
}

}  // namespace ipcrun
