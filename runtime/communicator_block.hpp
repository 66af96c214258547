// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The shared memory of one communicator: how its members meet. All zero is a good start, so that
/// the world needs nobody to prepare it.
///
/// Every operation has a sequence number. Things that an operation writes exist twice, for odd and
/// even sequences: a member that writes for operation s + 2 has left s + 1, so all members arrived
/// at s + 1, so all have left s, which used the same half.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/waiter.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// What travels beside the arrival flag: the bytes of a small operation, or where a large one's
/// lie. Above 1 KiB working in place is faster: every byte is reduced once, not by every member.
constexpr std::size_t inline_bytes_max = 1024 + 40;

/// A member's arrival at one operation. Flag, fingerprint and up to 40 bytes share a cache line.
struct alignas(64) Arrival {
    std::atomic<std::uint32_t> sequence;  ///< of the operation that the rest belongs to
    std::uint32_t reserved;
    Fingerprint fingerprint;
    std::byte payload[inline_bytes_max];
};
static_assert(sizeof(Arrival) % 64 == 0 && sizeof(Arrival) == 1088);

/// Claims on one member's slice of the work of a large operation.
struct alignas(64) Slice {
    std::atomic<std::uint32_t> next_chunk;
};

struct Member {
    Arrival arrivals[2];
    Slice slices[2];
    /// 1 while this member may be touching memory of others. A failing member does not free its
    /// memory before this is 0 for all who live.
    alignas(64) std::atomic<std::uint32_t> touching;
};

/// Progress of large operations, counted over all of them.
struct alignas(64) Work {
    std::atomic<std::uint32_t> workers;          ///< members that asked to work; when crowded
    std::atomic<std::uint32_t> finished_chunks;  ///< chunks whose result is everywhere
};

struct CommunicatorBlock {
    /// 0, or why nothing works any more, since which operation: see failures.cpp.
    alignas(64) std::atomic<std::uint64_t> failure;
    alignas(64) Bell bell;
    Work works[2];

    /// The members follow the block, as many as the communicator has.
    Member& member(int index) { return reinterpret_cast<Member*>(this + 1)[index]; }
    static std::size_t bytes(int member_count) {
        return sizeof(CommunicatorBlock) + member_count * sizeof(Member);
    }
};

}  // namespace ipcrun
