// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The receiving half of a mailbox: what has come, and who gets it.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/lookout.hpp"
#include "runtime/message.hpp"
#include "runtime/parts.hpp"
#include "runtime/record_stream.hpp"
#include "runtime/unexpected.hpp"

namespace ipcrun {

/// Somebody who wants a message: into parts, borrowed until it is done, or of any size.
struct Receiving {
    MessageCall call;
    std::span<const Part> parts;
    PartsShape shape;
    bool takes_any_size = false;
    bool done = false;
    std::optional<Error> error = {};  ///< done, and nothing received
    Message message = {};             ///< the storage only when it takes any size
};

class Inbox {
  public:
    explicit Inbox(Lookout& lookout);

    /// Puts it in line: it gets the first message that matches and that none before it wants.
    /// `receiving` is borrowed until it is done, or removed.
    void start(Receiving& receiving);
    void remove(Receiving& receiving);

    /// Delivers what has come for those in line, until `wanted` (may be null) is done.
    void advance(const Receiving* wanted);
    /// Might advance() do something, or find() from `source`? For conditions of waits.
    bool can_advance(int source) const;

    /// The first message that matches, left where it is.
    std::optional<Envelope> find(int source, int tag);

    /// Shows senders where the first in line wants its message, if it is long; for as long as its
    /// receiver waits.
    void post(const Receiving& receiving);
    /// False when a sender was faster and is filling it.
    bool close_post();
    /// Closes it if nobody has taken it: after an error, when nothing can be waited for.
    void abandon_post();

    /// Gives back what was not received, and notes where the streams are read on.
    void leave();
    /// What leave() of all members left over; for the last of them, when no member is alive to
    /// these streams any more.
    static void release(Group& group);

  private:
    Channel& channel(int from) const {
        return group_.block().channel(group_.size(), from, group_.rank());
    }
    Record* peek(int source) {
        return readers_[source].peek(heap_, channel(source), group_.identity().members[source]);
    }
    bool is_wanted(int source) const;
    void settle_post();
    void pull(int source, const Receiving* wanted);
    void take(const Arrived& arrived);
    std::optional<Error> mismatch(const Receiving& receiving, const Arrived& arrived) const;
    bool was_withdrawn(const Arrived& arrived);
    bool deliver(Receiving& receiving, const Arrived& arrived);
    void deliver_bytes(Receiving& receiving, const Arrived& arrived, const std::byte* from);
    void deliver_block(Receiving& receiving, const Arrived& arrived, HeapRef ref);
    std::uint64_t accept(Receiving& receiving, const Arrived& arrived);
    bool accept_open(Receiving& receiving, const Arrived& arrived, Offer& offer);
    void count_received(int source, std::uint64_t lag_bytes);
    void await_discard(const Arrived& arrived);
    static bool discard(Heap& heap, const Arrived& arrived);

    Lookout& lookout_;
    Group& group_;
    Heap& heap_;
    Post& post_;
    std::uint64_t post_number_;
    Receiving* posted_ = nullptr;
    std::vector<RecordReader> readers_;          // by source
    std::vector<std::uint64_t> received_bytes_;  // by source
    std::vector<Receiving*> line_;               // who waits, the first first
    Unexpected unexpected_;
    int next_source_ = 0;  // where a look at all sources begins, so that none is always last
};

}  // namespace ipcrun
