// SPDX-License-Identifier: Apache-2.0
#include "runtime/heap.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "base/fail.hpp"
#include "runtime/size_classes.hpp"

namespace ipcrun {

namespace {

constexpr int size_class_count = size_class_of(Heap::small_bytes_max) + 1;
constexpr std::size_t page_bytes = 4096;
constexpr std::chrono::seconds release_interval{1};

// Ranks that do the same get blocks at equal offsets of their arenas. Were they equal modulo a
// page, the same element of all ranks would fall into one set of the first-level cache, and a
// reduction over more ranks than that has ways would evict what it needs next.
std::size_t colour_of(int rank) {
    constexpr int lines_per_page = page_bytes / 64;
    return static_cast<std::size_t>(rank * 9 % lines_per_page) * 64;
}

// The policy of a shared mapping is kept with the memory: it holds for peers that touch it first.
void prefer_own_nodes(std::byte* arena, std::size_t bytes) {
    int mode = MPOL_DEFAULT;
    unsigned long nodes[16] = {};
    constexpr unsigned long node_bits = sizeof nodes * 8;
    if (::syscall(SYS_get_mempolicy, &mode, nodes, node_bits, nullptr, 0) != 0) return;
    if (mode == MPOL_DEFAULT) return;  // not placed: the kernel's choice
    // A preference only: without it the program is slower, not wrong.
    (void)::syscall(SYS_mbind, arena, bytes, mode, nodes, node_bits, 0);
}

}  // namespace

Heap::Heap(std::shared_ptr<NodeMemory> memory, int rank)
    : memory_(std::move(memory)),
      arena_(memory_->arena(rank)),
      returned_(memory_->control().rank(rank).returned),
      colour_(colour_of(rank)),
      runs_(memory_->arena_bytes() / unit_bytes),
      last_release_(Clock::now()),
      open_slabs_(size_class_count),
      slab_counts_(size_class_count) {
    prefer_own_nodes(arena_, memory_->arena_bytes());
}

void* Heap::allocate(std::size_t bytes) {
    if (!is_open()) return nullptr;
    const std::lock_guard lock(mutex_);
    take_returned();
    if (bytes <= small_bytes_max) return allocate_small(size_class_of(bytes == 0 ? 1 : bytes));
    release_now_and_then();
    const std::uint64_t units = (colour_ + bytes + unit_bytes - 1) / unit_bytes;
    const auto first = runs_.take(units);
    if (!first) return nullptr;
    large_.emplace(*first, units);
    return arena_ + *first * unit_bytes + colour_;
}

void* Heap::allocate_small(int size_class) {
    auto& open_slabs = open_slabs_[size_class];
    const std::size_t bytes = size_class_bytes(size_class);
    if (open_slabs.empty()) {
        const auto unit = runs_.take(1);
        if (!unit) return nullptr;
        const auto slots = static_cast<std::uint32_t>(unit_bytes / bytes);
        auto slab = std::make_unique<Slab>(Slab{*unit, size_class, slots, {}});
        slab->free_bits.assign((slots + 63) / 64, ~0ull);
        if (slots % 64 != 0) slab->free_bits.back() = (1ull << slots % 64) - 1;
        const auto made = slabs_.emplace(*unit, std::move(slab)).first;
        // Freeing puts slabs back here without allocating: there is room for all of them.
        ++slab_counts_[size_class];
        if (open_slabs.capacity() < slab_counts_[size_class])
            open_slabs.reserve(2 * slab_counts_[size_class]);
        open_slabs.push_back(made->second.get());
    }
    Slab& slab = *open_slabs.back();
    std::size_t word = 0;
    while (slab.free_bits[word] == 0) ++word;
    const int bit = std::countr_zero(slab.free_bits[word]);
    slab.free_bits[word] &= slab.free_bits[word] - 1;
    if (--slab.free_slots == 0) open_slabs.pop_back();
    return arena_ + slab.unit * unit_bytes + (word * 64 + bit) * bytes;
}

void Heap::deallocate(void* block, std::size_t bytes) {
    if (!is_open()) return;
    auto* const data = static_cast<std::byte*>(block);
    if (data < arena_ || data >= arena_ + memory_->arena_bytes())
        return return_to_owner(data, bytes);
    const std::lock_guard lock(mutex_);
    take_returned();
    check(deallocate_own(static_cast<std::size_t>(data - arena_)),
          "a block was freed that is not in use");
    release_now_and_then();
}

// False when no block in use begins there.
bool Heap::deallocate_own(std::size_t offset) {
    const std::uint64_t unit = offset / unit_bytes;
    if (const auto slab = slabs_.find(unit); slab != slabs_.end())
        return deallocate_small(unit, *slab->second, offset % unit_bytes);
    const auto large = large_.find(unit);
    if (large == large_.end() || offset % unit_bytes != colour_) return false;
    const std::uint64_t units = large->second;
    large_.erase(large);
    give_back(unit, units);
    return true;
}

bool Heap::deallocate_small(std::uint64_t unit, Slab& slab, std::size_t offset) {
    const std::size_t bytes = size_class_bytes(slab.size_class);
    const std::size_t slot = offset / bytes;
    if (offset % bytes != 0 || slot >= unit_bytes / bytes) return false;
    std::uint64_t& word = slab.free_bits[slot / 64];
    if ((word >> slot % 64 & 1) != 0) return false;
    word |= 1ull << slot % 64;
    auto& open_slabs = open_slabs_[slab.size_class];
    if (slab.free_slots++ == 0) open_slabs.push_back(&slab);
    // One empty slab a class is kept, so that a block in a loop does not make and drop slabs.
    if (slab.free_slots == unit_bytes / bytes && open_slabs.size() > 1) {
        std::erase(open_slabs, &slab);
        --slab_counts_[slab.size_class];
        slabs_.erase(unit);
        give_back(unit, 1);
    }
    return true;
}

// Destructors free blocks. What there is no memory to book as free is not used again.
void Heap::give_back(std::uint64_t first, std::uint64_t units) {
    try {
        runs_.give_back(first, units, Clock::now());
    } catch (const std::bad_alloc&) {
    }
}

// Only ever pushed to and taken as a whole, so a block that comes back between two looks at the
// head does no harm.
void Heap::return_to_owner(std::byte* block, std::size_t bytes) {
    const auto ref = memory_->locate(block, 1);
    check(ref.has_value(), "a block was freed that is not of the shared heap");
    RankSlot& owner = memory_->control().rank(static_cast<int>(ref->arena));
    const RankState state = owner.state.load();
    if (state == RankState::exited || state == RankState::failed) {
        // A large block has its first page and its last one to itself; small ones share theirs.
        const std::size_t into_page = ref->offset % page_bytes;
        if (bytes > small_bytes_max)
            (void)::madvise(block - into_page, into_page + bytes, MADV_REMOVE);
        return;
    }
    auto& head = owner.returned;
    std::uint64_t before = head.load(std::memory_order_relaxed);
    do {
        std::memcpy(block, &before, sizeof before);
    } while (!head.compare_exchange_weak(before, ref->offset + 1, std::memory_order_release,
                                         std::memory_order_relaxed));
}

// What peers say is not trusted: only what the private books know as in use is freed, and where one
// entry is wrong the rest of the list is left alone. Every step frees a block, so it ends.
void Heap::take_returned() {
    if (returned_.load(std::memory_order_relaxed) == 0) [[likely]]
        return;
    std::uint64_t next = returned_.exchange(0, std::memory_order_acquire);
    while (next != 0 && next <= memory_->arena_bytes() - sizeof next) {
        const std::size_t offset = next - 1;
        std::memcpy(&next, arena_ + offset, sizeof next);
        if (!deallocate_own(offset)) return;
    }
}

void Heap::release_now_and_then() {
    const auto now = Clock::now();
    if (now - last_release_ < release_interval) return;
    last_release_ = now;
    release(now - idle_time);
}

void Heap::release_idle(Clock::time_point limit) {
    const std::lock_guard lock(mutex_);
    take_returned();
    release(limit);
}

void Heap::release(Clock::time_point limit) {
    try {
        for (const auto& [first, count] : runs_.expire(limit)) {
            // MADV_DONTNEED would free nothing of shared memory. Failing means keeping it:
            // harmless.
            (void)::madvise(arena_ + first * unit_bytes, count * unit_bytes, MADV_REMOVE);
        }
    } catch (const std::bad_alloc&) {
        // No list of what to release: it is kept.
    }
}

std::size_t Heap::held_bytes() const {
    const std::lock_guard lock(mutex_);
    return runs_.held() * unit_bytes;
}

}  // namespace ipcrun
