// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The shared memory of one communicator: how its members meet. All zero is a good start, so that
/// nobody needs to prepare it.
///
/// Every collective operation has a sequence number. Things that an operation writes exist
/// operation_slots times, and number s uses slot s % operation_slots: it may be written when all
/// members have completed s - operation_slots, the last to use it.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/channel.hpp"
#include "runtime/waiter.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// As many operations may be under way.
constexpr std::uint32_t operation_slots = 8;

/// What travels beside the arrival flag: the bytes of a small operation, or where a large one's
/// lie. Above 1 KiB working in place is faster: every byte is reduced once, not by every member.
constexpr std::size_t inline_bytes_max = 1024 + 40;

/// A member's arrival at one operation. Flag, fingerprint and up to 40 bytes share a cache line.
struct alignas(64) MemberArrival {
    std::atomic<std::uint32_t> sequence;   ///< of the operation that the rest belongs to
    std::atomic<std::uint32_t> completed;  ///< the last that this member was done with then
    Fingerprint fingerprint;
    std::byte payload[inline_bytes_max];
};
static_assert(sizeof(MemberArrival) % 64 == 0 && sizeof(MemberArrival) == 1088);

/// Claims on one member's slice of the work of a large operation.
struct alignas(64) Slice {
    std::atomic<std::uint32_t> next_chunk;
};

/// How far a member is with letting go of its communicator.
enum class Closing : std::uint32_t {
    open,
    giving_up,  ///< an operation that was under way; its failure is recorded
    closed,     ///< it does nothing any more, and what it sent before can be seen
};

struct Member {
    MemberArrival arrivals[operation_slots];
    Slice slices[operation_slots];
    /// 1 while this member may be touching memory of others. A failing member does not free its
    /// memory before this is 0 for all who live.
    alignas(64) std::atomic<std::uint32_t> touching;
    /// The last collective operation that this member is done with, and with all before.
    std::atomic<std::uint32_t> completed;
    /// What this member has done to let go of the communicator: see Closing.
    std::atomic<Closing> closing;
    /// Rung when messages for this member arrive, and when it has received some.
    alignas(64) Bell mail;
    Post post;
};

/// Progress of large operations, counted over all that use the slot.
struct alignas(64) Work {
    std::atomic<std::uint32_t> workers;          ///< members that asked to work; when crowded
    std::atomic<std::uint32_t> finished_chunks;  ///< chunks whose result is everywhere
};

struct CommunicatorBlock {
    /// 0, or why nothing works any more, since which operation: see group_failures.cpp.
    alignas(64) std::atomic<std::uint64_t> failure;
    /// Members that have let go of it; the last one frees it.
    std::atomic<std::uint32_t> departed;
    /// Members that wait until others are done with an operation, to use its slot.
    std::atomic<std::uint32_t> slot_waiters;
    alignas(64) Bell bell;
    Work works[operation_slots];

    /// The members follow the block, as many as the communicator has; then a channel for each pair.
    Member& member(int index) { return reinterpret_cast<Member*>(this + 1)[index]; }
    Channel& channel(int size, int from, int to) {
        auto* channels = reinterpret_cast<Channel*>(&member(size));
        return channels[static_cast<std::size_t>(to) * size + from];
    }
    static constexpr std::size_t bytes(std::size_t member_count) {
        return sizeof(CommunicatorBlock) + member_count * sizeof(Member) +
               member_count * member_count * sizeof(Channel);
    }
};
static_assert(sizeof(CommunicatorBlock) + sizeof(Member) <= member_bytes_max &&
                  sizeof(Channel) <= pair_bytes_max,
              "the control segment has room for the world");

}  // namespace ipcrun
