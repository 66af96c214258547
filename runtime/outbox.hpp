// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The sending half of a mailbox: how a message leaves.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/lookout.hpp"
#include "runtime/parts.hpp"
#include "runtime/record_stream.hpp"

namespace ipcrun {

/// A message on its way out. The parts are borrowed until it is done.
struct Sending {
    MessageCall call;
    std::span<const Part> parts;
    PartsShape shape;
    bool done = false;
    std::optional<Error> error = {};  ///< done, and not sent
    // Of one that waits for its receiver:
    Offer* offer = nullptr;
    std::byte* staged = nullptr;  // the block that was offered, when the parts could not be
    bool cannot_move = false;     // there was no memory for it
    std::uint64_t number = 0;     // among those sent to this receiver, from 1
};

/// Messages from here on are long: a receiver that waits for one says where, a sender writes there.
constexpr std::size_t long_bytes_min = 1024;
/// From here on it pays to wake a sleeping peer so that it helps to copy.
constexpr std::size_t help_bytes_min = 1024 * 1024;

class Outbox {
  public:
    explicit Outbox(Lookout& lookout);

    /// Sends it: done at once, or offered. Throws Error{peer_lost} when the receiver has left,
    /// Error{system} when the heap is full.
    void start(Sending& sending);

    /// Goes on with one that was offered, without waiting but for copying.
    void advance(Sending& sending);
    /// Is there something that advance() would do? For conditions of waits.
    bool can_advance(const Sending& sending) const;

    /// Takes an offer back: false when the receiver was faster, and lives.
    bool withdraw(Sending& sending);

    void set_lag(std::size_t bytes) { lag_ = bytes; }

    /// Why it was withdrawn when its receiver waits in a send to this member, too.
    Error held_back(const Sending& sending) const;

  private:
    struct Line {  // to one receiver
        RecordWriter writer;
        std::uint64_t sent_bytes = 0;
        std::uint64_t received_bytes = 0;  // as last seen
    };

    Channel& channel(int to) const {
        return group_.block().channel(group_.size(), group_.rank(), to);
    }
    bool has_room(int to, std::uint64_t bytes);
    Record* begin(const Sending& sending, std::size_t payload_bytes);
    void commit(const Sending& sending, Record* record, RecordKind kind, std::uint64_t lag_bytes);
    bool wants(const Post& post, const Sending& sending) const;
    bool fill_post_soon(const Sending& sending);
    bool fill_post(const Sending& sending);
    bool store(const Sending& sending);
    void offer(Sending& sending);
    void move(Sending& sending);
    void complete(Sending& sending);
    bool is_forsaken(const Sending& sending) const;

    Lookout& lookout_;
    Group& group_;
    Heap& heap_;
    std::uint64_t lag_ = 256ull << 20;
    std::vector<Line> lines_;
};

/// What a message of `bytes` counts for the lag: something even when it is empty.
constexpr std::uint64_t lag_bytes_min = 64;
constexpr std::uint64_t lag_bytes_of(std::uint64_t bytes) {
    return bytes < lag_bytes_min ? lag_bytes_min : bytes;
}

/// Lets go of an offer: the second of the two sides to do so returns its block.
void let_go(Heap& heap, Offer& offer);

}  // namespace ipcrun
