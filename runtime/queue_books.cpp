// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_books.hpp"

#include <algorithm>

namespace ipcrun {

namespace {

// As many slots as are kept when a long queue has run empty: 20 MiB.
constexpr std::uint32_t slots_kept = 1u << 16;

constexpr SlotState state_of(std::uint64_t word) {
    return static_cast<SlotState>(word & 0xff);
}
constexpr std::uint64_t owner_of(std::uint64_t word) {
    return word >> 8;
}

// Counters change under the lock only, and are seen without. The change that sleepers wait for is
// to be sequentially consistent: see Bell. The others need not be, and cost nothing.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t number, std::memory_order order) {
    counter.store(counter.load(std::memory_order_relaxed) + number, order);
}

}  // namespace

std::optional<std::uint32_t> QueueBooks::take_slot() {
    QueueHeader& head = header();
    if (head.free_first != 0) {
        const std::uint32_t index = head.free_first - 1;
        const QueueSlot& slot = memory_.slot(index);
        if (slot.word.load(std::memory_order_relaxed) != 0) fail_overwritten();
        head.free_first = slot.next;
        return index;
    }
    if (head.touched >= queue_slots_max) return std::nullopt;
    return head.touched++;
}

void QueueBooks::push_free(std::uint32_t index) {
    memory_.slot(index).next = header().free_first;
    header().free_first = index + 1;
}

std::optional<std::uint32_t> QueueBooks::reserve(std::uint32_t owner, std::uint64_t bytes) {
    const std::uint64_t room = bytes <= queue_small_bytes_max ? 0 : QueueRuns::room_for(bytes);
    const auto index = take_slot();
    if (!index) return std::nullopt;
    std::uint64_t offset = 0;
    if (room != 0) {
        const auto taken = runs_.take(room);
        if (!taken) {
            push_free(*index);
            return std::nullopt;
        }
        offset = *taken;
    }
    QueueSlot& slot = memory_.slot(*index);
    slot.bytes = bytes;
    slot.offset = offset;
    slot.room = room;
    slot.word.store(slot_word(SlotState::reserved, owner), std::memory_order_release);
    ++header().in_use;
    add(header().waiting, 1, std::memory_order_release);
    return index;
}

void QueueBooks::mark_ready(std::uint32_t index, std::uint32_t owner) {
    QueueSlot& slot = memory_.slot(index);
    if (slot.word.load(std::memory_order_relaxed) != slot_word(SlotState::reserved, owner))
        fail_overwritten();
    slot.sequence = ++header().next_sequence;
    slot.word.store(slot_word(SlotState::ready, 0), std::memory_order_release);
}

void QueueBooks::append(std::uint32_t index) {
    QueueHeader& head = header();
    memory_.slot(index).next = 0;
    if (head.ready_first == 0)
        head.ready_first = index + 1;
    else
        memory_.slot(head.ready_last - 1).next = index + 1;
    head.ready_last = index + 1;
    add(head.ready, 1, std::memory_order_seq_cst);
}

std::optional<std::uint32_t> QueueBooks::first() const {
    if (header().ready_first == 0) return std::nullopt;
    const std::uint32_t index = header().ready_first - 1;
    const QueueSlot& slot = memory_.slot(index);
    if (state_of(slot.word.load(std::memory_order_relaxed)) != SlotState::ready ||
        !makes_sense(slot))
        fail_overwritten();
    return index;
}

void QueueBooks::mark_taken(std::uint32_t index, std::uint32_t owner) {
    memory_.slot(index).word.store(slot_word(SlotState::taken, owner), std::memory_order_release);
}

void QueueBooks::mark_free(std::uint32_t index) {
    memory_.slot(index).word.store(0, std::memory_order_release);
}

void QueueBooks::remove_first(bool is_freed) {
    QueueHeader& head = header();
    const std::uint32_t index = head.ready_first - 1;
    head.ready_first = memory_.slot(index).next;
    if (head.ready_first == 0) head.ready_last = 0;
    if (is_freed) {
        push_free(index);
        --head.in_use;
        shrink();
    }
    add(head.ready, ~std::uint64_t{0}, std::memory_order_release);
    add(head.waiting, ~std::uint64_t{0}, std::memory_order_seq_cst);
}

void QueueBooks::release(std::uint32_t index, std::uint32_t owner, bool is_warm) {
    QueueSlot& slot = memory_.slot(index);
    if (slot.word.load(std::memory_order_relaxed) != slot_word(SlotState::taken, owner))
        fail_overwritten();
    const QueueRuns::Room freed = room(index);
    slot.word.store(0, std::memory_order_release);
    if (freed.bytes != 0) runs_.give_back(freed, is_warm);
    push_free(index);
    --header().in_use;
    shrink();
    if (runs_.is_worn()) header().is_stale = 1;
}

// The slots of a long queue that has run empty go back to the system.
void QueueBooks::shrink() {
    QueueHeader& head = header();
    if (head.in_use != 0 || head.touched <= slots_kept) return;
    const std::uint32_t end = std::min(head.touched, queue_slots_max);
    head.free_first = 0;
    head.touched = 0;
    memory_.punch_slots(slots_kept, end);
}

std::optional<std::uint32_t> QueueBooks::take_warm(std::uint32_t owner, std::uint64_t bytes) {
    const auto index = take_slot();
    if (!index) return std::nullopt;
    const auto idle = runs_.take_warm(bytes);
    if (!idle) {
        push_free(*index);
        return std::nullopt;
    }
    QueueSlot& slot = memory_.slot(*index);
    slot.bytes = slot.room = idle->bytes;
    slot.offset = idle->offset;
    slot.word.store(slot_word(SlotState::taken, owner), std::memory_order_release);
    ++header().in_use;
    return index;
}

bool QueueBooks::makes_sense(const QueueSlot& slot) const {
    if (slot.room == 0) return slot.bytes <= queue_small_bytes_max;
    return slot.bytes <= slot.room && slot.offset % 64 == 0 &&
           slot.offset <= memory_.data_bytes() && slot.room <= memory_.data_bytes() - slot.offset;
}

std::span<std::byte> QueueBooks::item(std::uint32_t index) const {
    QueueSlot& slot = memory_.slot(index);
    // Read once: what was checked is what is used.
    const std::uint64_t bytes = std::atomic_ref(slot.bytes).load(std::memory_order_relaxed);
    if (std::atomic_ref(slot.room).load(std::memory_order_relaxed) == 0) {
        if (bytes > queue_small_bytes_max) fail_overwritten();
        return {slot.small, bytes};
    }
    const std::uint64_t offset = std::atomic_ref(slot.offset).load(std::memory_order_relaxed);
    return {memory_.data(offset, bytes), bytes};
}

QueueRuns::Room QueueBooks::room(std::uint32_t index) const {
    const QueueSlot& slot = memory_.slot(index);
    const QueueRuns::Room room{slot.offset, slot.room};
    (void)memory_.data(room.offset, room.bytes);
    return room;
}

void QueueBooks::make_anew(const std::vector<bool>& alive) {
    struct Ready {
        std::uint64_t sequence;
        std::uint32_t index;
    };
    std::vector<Ready> ready;
    std::vector<QueueRuns::Room> used;
    QueueHeader& head = header();
    head.touched = std::min(head.touched, queue_slots_max);
    head.free_first = head.ready_first = head.ready_last = head.in_use = 0;
    std::uint64_t reserved = 0;
    for (std::uint32_t index = head.touched; index-- > 0;) {
        QueueSlot& slot = memory_.slot(index);
        const std::uint64_t word = slot.word.load();
        const std::uint64_t owner = owner_of(word);
        const SlotState state = state_of(word);
        const bool is_owned = state == SlotState::reserved || state == SlotState::taken;
        if (!makes_sense(slot) || (is_owned && (owner >= alive.size() || !alive[owner])) ||
            (!is_owned && state != SlotState::ready)) {
            slot.word.store(0);
            push_free(index);
            continue;
        }
        ++head.in_use;
        if (slot.room != 0) used.push_back({slot.offset, slot.room});
        if (state == SlotState::ready) ready.push_back({slot.sequence, index});
        if (state == SlotState::reserved) ++reserved;
    }
    std::sort(ready.begin(), ready.end(),
              [](const Ready& a, const Ready& b) { return a.sequence < b.sequence; });
    head.ready.store(0);
    for (const Ready& one : ready) append(one.index);
    head.waiting.store(ready.size() + reserved);
    if (!ready.empty()) head.next_sequence = std::max(head.next_sequence, ready.back().sequence);
    runs_.make_anew(std::move(used));
    head.starved_bytes.store(0);
}

}  // namespace ipcrun
