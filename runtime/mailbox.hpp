// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages between any two members of a communicator.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "base/deadline.hpp"
#include "runtime/call_site.hpp"
#include "runtime/group.hpp"
#include "runtime/message.hpp"
#include "runtime/part.hpp"
#include "runtime/request.hpp"

namespace ipcrun {

/// One member's messages. Used by one thread at a time, the one that uses the group. Calls throw
/// Error:
///   usage      no such rank, a negative tag, strides that make no sense; send: the receiver waits
///              in a send to this member, and neither has a deadline or receives what the other
///              sends: both get this, and neither message was sent.
///   timeout    the deadline passed. The message was not sent, or not received; nothing else is
///              lost.
///   mismatch   receive: the message has another size or dtype. It stays.
///   peer_lost  the peer left in good order, or ended where ends are departures (see Identity): of
///              this call only, and not before its messages have been received. Or any member
///              failed: of this and all later calls.
///   system     send: the shared heap is full.
/// A blocking call goes on with everything that was started, too.
class Mailbox {
  public:
    /// `group` must outlive it.
    explicit Mailbox(Group& group);
    Mailbox(const Mailbox&) = delete;
    /// Takes back what was offered and not taken, and frees what was not received.
    ~Mailbox();

    /// Sends the parts, side by side, to member `to`. Returns as soon as they may be changed: when
    /// they have been copied, or taken by a receiver that waits for them. It waits for a receiver
    /// that is behind by more than the lag; see set_lag. Messages between two members with equal
    /// tags arrive in order. A message to oneself is kept whatever the lag.
    void send(std::span<const Part> parts, int to, int tag, Deadline deadline, CallSite site);

    /// Receives one message into the parts, the first of those that match; from several sources in
    /// turn.
    Envelope receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                     CallSite site);

    /// Receives one message of any size: memory that is the caller's from now on.
    Message receive_message(int from, int tag, Deadline deadline, CallSite site);

    /// The first message that matches, left where it is; probe waits for it, test_message does not,
    /// and await_message until the deadline passes: nullopt.
    Envelope probe(int from, int tag, Deadline deadline, CallSite site);
    std::optional<Envelope> test_message(int from, int tag, CallSite site = {});
    std::optional<Envelope> await_message(int from, int tag, Deadline deadline, CallSite site);

    /// Can nobody send from `from` (or any_source) any more? As of the last call about messages:
    /// what test_message did not find then will not come.
    bool is_forsaken(int from) const;

    /// send and receive as requests; the array of parts is copied, what they name is borrowed until
    /// the request is done. A started receive takes part in the order of receives: the first one
    /// that matches gets the message.
    [[nodiscard]] Request start_send(std::span<const Part> parts, int to, int tag, CallSite site);
    [[nodiscard]] Request start_receive(std::span<const Part> parts, int from, int tag,
                                        CallSite site);

    /// How many bytes this member may have sent to another that has not received them, before a
    /// send waits; every message counts for 64 at least. A longer message goes when the receiver
    /// comes for it. 256 MiB at first.
    void set_lag(std::size_t bytes);

    /// Goes on with what was started, without waiting: for other operations of the communicator
    /// that wait. Throws when a member has failed.
    void progress();

    /// Would progress() or a look for messages of `from` (a member, any_source, or no_source) find
    /// something new? Never throws: for conditions of waits.
    bool can_advance(int from) const;
    static constexpr int no_source = -2;

    /// Frees what the members' mailboxes left in shared memory: by the last member to let go of a
    /// communicator, when all mailboxes of the others are gone.
    static void release(Group& group);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
