// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_queue.hpp"

#include <cstring>

#include "base/fail.hpp"
#include "runtime/parts.hpp"
#include "runtime/queue_attachment.hpp"
#include "runtime/streaming_copy.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

using Locked = QueueAttachment::Locked;

// Longer items are taken to be in no cache when they are read.
constexpr std::size_t streamed_bytes_min = 32 * 1024 * 1024;

void copy_parts(std::span<const Part> parts, std::byte* to) {
    for (const Part& part : parts) {
        if (part.bytes() >= streamed_bytes_min && !is_strided(part))
            copy_streaming(to, static_cast<const std::byte*>(part.data), part.bytes());
        else
            gather({&part, 1}, to);
        to += part.bytes();
    }
}

// Where the bytes of a reserved slot go.
std::byte* place_of(Locked& locked, std::uint32_t slot, std::uint64_t bytes) {
    const std::span<std::byte> place = locked->item(slot);
    if (place.size() != bytes) fail_overwritten();
    return place.data();
}

// An item that was read, where its writer put it. Owns its slot.
struct HeldItem {
    explicit HeldItem(std::shared_ptr<QueueAttachment> from) : attachment(std::move(from)) {}
    HeldItem(const HeldItem&) = delete;
    ~HeldItem() {
        if (is_held) attachment->release(slot);
    }

    std::shared_ptr<QueueAttachment> attachment;
    std::uint32_t slot = 0;
    bool is_held = false;
};

}  // namespace

SharedQueue::~SharedQueue() = default;

MemoryQueue::MemoryQueue(std::shared_ptr<QueueAttachment> attachment)
    : attachment_(std::move(attachment)) {}

MemoryQueue::~MemoryQueue() = default;

std::shared_ptr<SharedQueue> SharedQueue::create(std::uint64_t capacity, Faults faults) {
    return attach(QueueMemory::create(capacity), std::move(faults));
}

std::shared_ptr<SharedQueue> SharedQueue::attach(UniqueFd fd, Faults faults) {
    return std::make_shared<MemoryQueue>(
        std::make_shared<QueueAttachment>(std::move(fd), std::move(faults)));
}

// What a look without the lock can tell.
bool MemoryQueue::is_full(std::uint64_t bytes) const {
    const QueueHeader& header = attachment_->header();
    const std::uint64_t capacity = attachment_->memory().capacity();
    const std::uint64_t starved_bytes = header.starved_bytes.load();
    return (capacity != 0 && header.waiting.load() >= capacity) ||
           (starved_bytes != 0 && bytes >= starved_bytes);
}

QueueOutcome MemoryQueue::try_write(std::span<const Part> parts) {
    attachment_->check_ours();
    const std::uint64_t bytes = PartsShape(parts, false).bytes;
    const QueueHeader& header = attachment_->header();
    if (bytes > attachment_->memory().data_bytes())
        fail(ErrorCode::usage, "write {} bytes to a shared queue: its memory holds {} at most",
             bytes, attachment_->memory().data_bytes());
    if (header.closed.load() != 0) return QueueOutcome::refused;
    if (is_full(bytes)) {
        attachment_->look_after();
        if (header.closed.load() != 0) return QueueOutcome::refused;
        if (is_full(bytes)) return QueueOutcome::would_wait;
    }
    return bytes <= queue_small_bytes_max ? write_small(parts, bytes) : write_large(parts, bytes);
}

QueueOutcome MemoryQueue::write_small(std::span<const Part> parts, std::uint64_t bytes) {
    QueueAttachment& own = *attachment_;
    std::uint32_t operation;
    {
        Locked locked(own);
        if (own.header().closed.load() != 0) return QueueOutcome::refused;
        if (is_full(bytes)) return QueueOutcome::would_wait;
        const auto slot = locked->reserve(own.number(), bytes);
        if (!slot) {
            own.header().starved_bytes.store(1);
            return QueueOutcome::would_wait;
        }
        operation = own.next_operation();
        own.pass(FaultPoint::queue_reserved, operation);
        gather(parts, place_of(locked, *slot, bytes));
        own.pass(FaultPoint::queue_copied, operation);
        locked->mark_ready(*slot, own.number());
        own.pass(FaultPoint::queue_locked, operation);
        locked->append(*slot);
    }
    own.pass(FaultPoint::queue_committed, operation);
    own.header().readable.ring(1);
    return QueueOutcome::done;
}

// Its bytes are copied while others have the lock.
QueueOutcome MemoryQueue::write_large(std::span<const Part> parts, std::uint64_t bytes) {
    QueueAttachment& own = *attachment_;
    std::uint32_t operation, slot;
    std::byte* to;
    bool has_grown;
    {
        Locked locked(own);
        if (own.header().closed.load() != 0) return QueueOutcome::refused;
        if (is_full(bytes)) return QueueOutcome::would_wait;
        const std::uint64_t top_before = own.header().data_top;
        auto reserved = locked->reserve(own.number(), bytes);
        if (!reserved) {
            // There may be room where warm and cold runs lie side by side, or the dead had some.
            locked.recover();
            reserved = locked->reserve(own.number(), bytes);
        }
        if (!reserved) {
            own.header().starved_bytes.store(bytes);
            return QueueOutcome::would_wait;
        }
        has_grown = own.header().data_top > top_before;
        slot = *reserved;
        to = place_of(locked, slot, bytes);
        operation = own.next_operation();
    }
    own.pass(FaultPoint::queue_reserved, operation);
    copy_parts(parts, to);
    own.pass(FaultPoint::queue_copied, operation);
    {
        Locked locked(own);
        locked->mark_ready(slot, own.number());
        own.pass(FaultPoint::queue_locked, operation);
        locked->append(slot);
    }
    own.pass(FaultPoint::queue_committed, operation);
    own.header().readable.ring(1);
    // Before it takes fresh memory again there may be some that the dead had.
    if (has_grown) own.look_after();
    return QueueOutcome::done;
}

QueueOutcome MemoryQueue::try_read(StoragePtr& item, QueueStatus& after) {
    QueueAttachment& own = *attachment_;
    own.check_ours();
    QueueHeader& header = own.header();
    // One that is being written may be a dead writer's.
    if (header.ready.load() == 0 && header.waiting.load() != 0) own.look_after();
    if (header.ready.load() == 0)
        return status() == QueueStatus::drained ? QueueOutcome::refused : QueueOutcome::would_wait;
    StoragePtr taken;  // let go, should something be thrown, without the lock
    std::uint32_t operation;
    bool is_awaited;
    {
        Locked locked(own);
        const auto slot = locked->first();
        if (!slot) return QueueOutcome::would_wait;
        const std::span<std::byte> bytes = locked->item(*slot);
        const bool is_small = bytes.size() <= queue_small_bytes_max;
        if (is_small) {
            taken = Storage::create(nullptr, Dtype::u8, bytes.size());
            std::memcpy(taken->data(), bytes.data(), bytes.size());
            locked->mark_free(*slot);
        } else {
            auto held = std::make_shared<HeldItem>(attachment_);
            taken = Storage::keep(held, bytes.data(), Dtype::u8, bytes.size());
            locked->mark_taken(*slot, own.number());
            held->slot = *slot;
            held->is_held = true;
        }
        operation = own.next_operation();
        own.pass(FaultPoint::queue_locked, operation);
        locked->remove_first(is_small);
        after = header.closed.load() != 0 ? QueueStatus::closed : QueueStatus::open;
        is_awaited = is_small && header.starved_bytes.exchange(0) != 0;
    }
    own.pass(FaultPoint::queue_taken, operation);
    if (is_awaited)
        header.writable.ring_all();
    else if (own.memory().capacity() != 0)
        header.writable.ring(1);
    if (after == QueueStatus::closed && header.waiting.load() == 0)
        header.readable.ring_all();
    else if (header.ready.load() != 0)  // who was woken may have been killed, or looked elsewhere
        header.readable.ring(1);
    item = std::move(taken);
    return QueueOutcome::done;
}

void MemoryQueue::close() {
    attachment_->check_ours();
    QueueHeader& header = attachment_->header();
    {
        // A writer that has the lock finishes, and its item is there before the end.
        const Locked locked(*attachment_);
        header.closed.store(1);
    }
    header.readable.ring_all();
    header.writable.ring_all();
}

QueueStatus MemoryQueue::status() const {
    attachment_->check_ours();
    const QueueHeader& header = attachment_->header();
    // In this order: once it is closed, nothing comes to those that wait.
    if (header.closed.load() == 0) return QueueStatus::open;
    return header.waiting.load() == 0 ? QueueStatus::drained : QueueStatus::closed;
}

std::uint64_t MemoryQueue::items() const {
    attachment_->check_ours();
    return attachment_->header().ready.load();
}

std::uint64_t MemoryQueue::capacity() const {
    return attachment_->memory().capacity();
}

Bell& MemoryQueue::readable() const {
    attachment_->check_ours();
    return attachment_->header().readable;
}

Bell& MemoryQueue::writable() const {
    attachment_->check_ours();
    return attachment_->header().writable;
}

void MemoryQueue::reader_leaves() {
    if (items() > 0) readable().ring(1);
}

void MemoryQueue::writer_leaves() {
    if (capacity() == 0 || items() < capacity()) writable().ring(1);
}

std::uint32_t MemoryQueue::find_lost_company() {
    attachment_->check_ours();
    attachment_->look_after();
    const QueueHeader& header = attachment_->header();
    const std::uint32_t pid = header.lost_pid.load();
    return pid == 0 || header.closed.load() != 0 || attachment_->has_others() ? 0 : pid;
}

bool MemoryQueue::has_company() const {
    attachment_->check_ours();
    return attachment_->has_others();
}

void MemoryQueue::check_company() {
    const std::uint32_t pid = find_lost_company();
    if (pid == 0) return;
    fail(ErrorCode::peer_lost,
         "wait for a shared queue: process {} ended without closing it, and no other process has "
         "it any more",
         pid);
}

int MemoryQueue::descriptor() const {
    return attachment_->memory().fd();
}

}  // namespace ipcrun
