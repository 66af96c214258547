// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator_blocks.hpp"

#include <sys/mman.h>

#include <bit>
#include <cstring>

#include "runtime/communicator_block.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t page_bytes = 4096;

// Free blocks of a size are a stack. Its head is the page of the first (0: none), and a count of
// changes above it: else a head that went and came back would look as if nothing had happened.
constexpr int page_bits = 40;
constexpr std::uint64_t page_mask = (1ull << page_bits) - 1;

std::uint64_t bytes_for(int members) {
    return std::bit_ceil(std::max<std::uint64_t>(
        CommunicatorBlock::bytes(static_cast<std::size_t>(members)), page_bytes));
}

std::atomic<std::uint64_t>& free_blocks(const ControlSegment& control, std::uint64_t bytes) {
    return control.header().free_blocks[std::countr_zero(bytes)];
}

// A free block names the next one in its first word.
std::atomic<std::uint64_t>& link_of(const ControlSegment& control, std::uint64_t offset) {
    return reinterpret_cast<CommunicatorBlock*>(control.at(offset))->failure;
}

}  // namespace

BlockGrant take_block(const ControlSegment& control, int members) {
    const std::uint64_t bytes = bytes_for(members);
    ControlHeader& header = control.header();
    const std::uint32_t id = header.communicators.fetch_add(1) + 1;
    std::atomic<std::uint64_t>& head = free_blocks(control, bytes);
    std::uint64_t seen = head.load();
    while ((seen & page_mask) != 0) {
        const std::uint64_t offset = (seen & page_mask) * page_bytes;
        // Somebody else may take it meanwhile, and what we read be no link: then the head differs.
        const std::uint64_t next = link_of(control, offset).load() & page_mask;
        const std::uint64_t wanted = ((seen >> page_bits) + 1) << page_bits | next;
        if (!head.compare_exchange_weak(seen, wanted)) continue;
        link_of(control, offset).store(0);
        return {offset, id};
    }
    const std::uint64_t first =
        header.steps_offset + bytes_for(static_cast<int>(header.ranks)) + page_bytes;
    std::uint64_t taken = header.blocks_bytes.load();
    do {
        if (first + taken + bytes > control.bytes()) return {0, id};
    } while (!header.blocks_bytes.compare_exchange_weak(taken, taken + bytes));
    return {first + taken, id};
}

void give_block_back(const ControlSegment& control, std::uint64_t offset, int members) {
    const std::uint64_t bytes = bytes_for(members);
    // Pages that are removed read as zero again.
    if (::madvise(control.at(offset), bytes, MADV_REMOVE) != 0)
        std::memset(control.at(offset), 0, bytes);
    std::atomic<std::uint64_t>& head = free_blocks(control, bytes);
    std::uint64_t seen = head.load();
    do {
        link_of(control, offset).store(seen & page_mask);
    } while (!head.compare_exchange_weak(
        seen, ((seen >> page_bits) + 1) << page_bits | offset / page_bytes));
}

}  // namespace ipcrun
