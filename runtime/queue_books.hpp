// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The slots of a shared queue and the lists of them, for those who hold its lock.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/queue_runs.hpp"
#include "runtime/wire/queue_memory.hpp"

namespace ipcrun {

constexpr std::uint64_t slot_word(SlotState state, std::uint32_t owner) {
    return std::uint64_t{owner} << 8 | static_cast<std::uint64_t>(state);
}

/// Every function is called with the lock held, and throws Error{protocol} when what it reads makes
/// no sense. A process can die in the middle of any: see make_anew.
class QueueBooks {
  public:
    explicit QueueBooks(const QueueMemory& memory) : memory_(memory), runs_(memory) {}

    /// A slot for an item of `bytes`, which waits from now on; nullopt when there is no room.
    std::optional<std::uint32_t> reserve(std::uint32_t owner, std::uint64_t bytes);
    /// What was reserved is written. Two steps, of which the first counts: the item is there.
    void mark_ready(std::uint32_t index, std::uint32_t owner);
    void append(std::uint32_t index);

    /// The item to be read next; nullopt when there is none.
    std::optional<std::uint32_t> first() const;
    /// The first item is `owner`'s, or nobody's more (a small one that was copied). In two steps.
    void mark_taken(std::uint32_t index, std::uint32_t owner);
    void mark_free(std::uint32_t index);
    void remove_first(bool is_freed);

    /// Frees what `owner` has taken; `is_warm`: the pages of its room are held.
    void release(std::uint32_t index, std::uint32_t owner, bool is_warm);

    /// Takes up to `bytes` of warm free memory into a slot of `owner`'s, to be punched and
    /// released.
    std::optional<std::uint32_t> take_warm(std::uint32_t owner, std::uint64_t bytes);

    /// Makes all books from the slots, and frees what participants have that are not `alive` (by
    /// number). When it is left by an exception it is to be called again.
    void make_anew(const std::vector<bool>& alive);

    /// What the slot's item, or its room, is: within the memory, whatever is written there
    /// meanwhile.
    std::span<std::byte> item(std::uint32_t index) const;
    QueueRuns::Room room(std::uint32_t index) const;

  private:
    std::optional<std::uint32_t> take_slot();
    void push_free(std::uint32_t index);
    void shrink();
    bool makes_sense(const QueueSlot& slot) const;
    QueueHeader& header() const { return memory_.header(); }

    const QueueMemory& memory_;
    QueueRuns runs_;
};

}  // namespace ipcrun
