// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The allocator of one rank's arena of the shared heap. Its books are kept in private memory: a
/// peer that writes over the arena can spoil data, never the allocator.
///
/// Small blocks come from slabs of equal slots, large ones are runs of 64 KiB units. Freed memory
/// is kept (a fresh page costs more than copying it) and given back to the system after it has been
/// idle for `idle_time`. jemalloc with extent hooks was the alternative: Debian builds it as a
/// replacement of malloc, which a Lua module must not be.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/fork_guard.hpp"
#include "runtime/free_runs.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

class Heap {
  public:
    static constexpr std::size_t unit_bytes = 64 * 1024;
    static constexpr std::size_t small_bytes_max = 16 * 1024;
    static constexpr std::chrono::seconds idle_time{10};

    /// The allocator of `rank`'s arena; there must be only one. Its memory prefers the NUMA nodes
    /// that the memory policy of this process prefers, whoever touches it first.
    Heap(std::shared_ptr<NodeMemory> memory, int rank);
    Heap(const Heap&) = delete;

    /// At least `bytes` bytes, 64-byte aligned, uninitialised; null when the arena is full, or in a
    /// child after fork(), where the arena belongs to the parent. Any thread. Cost: under 0.1 us
    /// when memory can be used again.
    void* allocate(std::size_t bytes);

    /// Takes back what `allocate` gave, also what another rank's heap gave: that is returned to its
    /// owner, which uses it again when it next allocates or frees. When the owner's process has
    /// ended nobody does, and the memory of a large block goes back to the system at once:
    /// `bytes` (0: not known) of it. Does nothing in a child after fork(). Any thread.
    void deallocate(void* block, std::size_t bytes = 0);

    /// Returns memory that has been idle since before `limit` to the system. Called by allocate and
    /// deallocate every now and then.
    void release_idle(Clock::time_point limit);

    /// False in a child after fork().
    bool is_open() const { return guard_.is_ours(); }

    /// Bytes of free units whose memory is still held.
    std::size_t held_bytes() const;

    const std::shared_ptr<NodeMemory>& memory() const { return memory_; }

  private:
    struct Slab {
        std::uint64_t unit;  // the one unit that it consists of
        int size_class;
        std::uint32_t free_slots;
        std::vector<std::uint64_t> free_bits;  // a bit a slot
    };

    void* allocate_small(int size_class);
    bool deallocate_own(std::size_t offset);
    bool deallocate_small(std::uint64_t unit, Slab& slab, std::size_t offset);
    void give_back(std::uint64_t first, std::uint64_t units);
    void return_to_owner(std::byte* block, std::size_t bytes);
    void take_returned();
    void release_now_and_then();
    void release(Clock::time_point limit);

    std::shared_ptr<NodeMemory> memory_;
    std::byte* arena_;
    std::atomic<std::uint64_t>& returned_;  // what peers have freed; see RankSlot
    std::size_t colour_;  // where large blocks begin within their first unit; see heap.cpp
    ForkGuard guard_;
    mutable std::mutex mutex_;
    FreeRuns runs_;
    Clock::time_point last_release_;
    std::unordered_map<std::uint64_t, std::uint64_t> large_;          // first unit -> units
    std::unordered_map<std::uint64_t, std::unique_ptr<Slab>> slabs_;  // unit -> slab
    std::vector<std::vector<Slab*>> open_slabs_;  // by size class: slabs with a free slot
    std::vector<std::size_t> slab_counts_;        // by size class
};

}  // namespace ipcrun
