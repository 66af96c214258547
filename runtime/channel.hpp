// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The shared memory through which one member of a communicator sends messages to another: the
/// layout. All zero is a good start. How it is used: runtime/record_stream.hpp (the order of
/// messages), runtime/outbox.hpp and runtime/inbox.hpp (long ones).

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/dtype.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

struct Channel {
    /// Written by the sender: the first of the segments that its messages lie in (1 + offset in its
    /// arena; 0: none yet).
    alignas(64) std::atomic<std::uint64_t> first_segment;
    /// While the sender waits for the receiver to receive: see runtime/standoff.hpp.
    std::atomic<std::uint64_t> standoff;
    /// Written by the receiver: bytes that it has received, for the sender's lag.
    alignas(64) std::atomic<std::uint64_t> received_bytes;
    /// How many messages it had taken out of the stream when it last posted; see Post.
    std::atomic<std::uint64_t> seen;
    /// Where it stood when it let go of the communicator: segment (1 + offset), its lines, the
    /// line.
    std::atomic<std::uint64_t> left_segment, left_lines, left_line;
};

constexpr std::size_t line_bytes = 64;

enum class RecordKind : std::uint32_t {
    none,     ///< not written yet
    inlined,  ///< the message's bytes lie in the record
    block,    ///< they lie in a block of the sender's arena, which is the receiver's from now on
    offer,    ///< they lie in the sender's memory, which lends them: see Offer
    jump,     ///< no message: the stream goes on in another segment
};

/// A message in a segment, on a line of its own. What is inlined goes on in the lines that follow.
struct alignas(line_bytes) Record {
    std::atomic<RecordKind> kind;  ///< written last; the receiver polls it
    std::int32_t tag;
    std::uint64_t bytes;  ///< of the message; of the next segment
    Dtype dtype;
    std::byte padding[7];
    union {
        std::byte payload[40];
        HeapRef ref;  ///< of the block, the Offer or the next segment
    };
};
static_assert(sizeof(Record) == line_bytes && offsetof(Record, payload) == 24);
constexpr std::size_t record_head_bytes = offsetof(Record, payload);

/// Messages up to here travel in their record: one copy in, one copy out.
constexpr std::size_t inlined_bytes_max = 2048;

/// A copy that both sides work on: its number in the upper half, chunks claimed, chunks done.
struct alignas(64) Progress {
    std::atomic<std::uint64_t> next_chunk;
    std::atomic<std::uint64_t> done_chunks;
};

/// A message that stays with its sender until the receiver comes for it: in a block of the sender's
/// arena. Whoever of the two lets go last returns the block.
struct Offer {
    enum class State : std::uint32_t {
        open,
        withdrawn,  ///< the sender gave up, or the receiver did: no message
        moving,     ///< the sender, within its lag again, copies it into a block
        stored,     ///< `source` is a block that is the receiver's, as with RecordKind::block
        taken,      ///< the receiver copies
        shared,     ///< the receiver copies to `destination`, and the sender may help
        adopted,    ///< the receiver keeps the block that `source` is
    };
    std::atomic<State> state;
    std::atomic<std::uint32_t> let_go;  ///< how many of the two have
    HeapRef source;
    HeapRef destination;
    std::uint32_t is_block;   ///< may `source` be adopted?
    std::uint64_t lag_bytes;  ///< what the sender counts it as
    Progress progress;
};

/// Where a member that waits in a receive wants a long message: a sender that finds it may write
/// straight to it. Fields above the blank line are the receiver's, those below the taker's; both
/// write only while it is their turn.
struct Post {
    enum class Phase : std::uint32_t {
        closed,
        open,    ///< senders may take it, the receiver may close it
        taken,   ///< by a sender, which looks whether it fits and may open it again
        shared,  ///< it is being filled; closed by the receiver when it is full
    };
    static constexpr std::uint64_t word(std::uint64_t number, Phase phase) {
        return number << 2 | static_cast<std::uint64_t>(phase);
    }
    static constexpr Phase phase_of(std::uint64_t word) { return static_cast<Phase>(word & 3); }

    alignas(64) std::atomic<std::uint64_t> state;  ///< number of the post and phase
    std::atomic<std::int32_t> source;              ///< or any_source
    std::atomic<std::int32_t> tag;                 ///< or any_tag
    std::atomic<std::uint64_t> bytes;
    std::atomic<Dtype> dtype;
    std::atomic<std::uint32_t> arena;
    std::atomic<std::uint64_t> offset;

    alignas(64) std::int32_t taken_by;
    std::int32_t taken_tag;
    std::uint32_t source_is_shared;  ///< may the receiver help?
    HeapRef source_ref;
    Progress progress;
};

}  // namespace ipcrun
