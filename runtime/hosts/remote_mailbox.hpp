// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages of one communicator with its members on other hosts. Nothing here waits: whoever waits
/// calls progress() of the peers again and again, or sleeps until there is something to do.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "runtime/call_site.hpp"
#include "runtime/hosts/remote_peers.hpp"

namespace ipcrun {

/// One member's remote messages. Used by one thread at a time; several mailboxes (communicators) of
/// one process may be used by different threads. Semantics are those of Mailbox: messages between
/// two members with equal tags arrive in order; a receive takes the first that matches; a mismatch
/// of size or dtype leaves the message; timeouts lose nothing; a peer that has ended is an error to
/// who waits for it alone, after its messages have been received.
class RemoteMailbox {
  public:
    /// `members`: world rank of each member (those on this host included; messages with them are
    /// not for here). `context` is used for one communicator in the life of the job.
    RemoteMailbox(std::shared_ptr<RemotePeers> peers, std::uint32_t context,
                  std::vector<int> members, int rank);
    /// Its messages and who waits for them are gone before. What nobody has received is thrown
    /// away; the other members miss this one from now on.
    ~RemoteMailbox();

    /// A message on its way. What the parts name is borrowed until it is done; dropping it takes it
    /// back where that is possible, else waits until the parts are free.
    class Sending {
      public:
        virtual ~Sending() = default;
        virtual bool is_done() const = 0;        ///< the parts may be changed; or it has failed:
        virtual const Error* error() const = 0;  ///< null: it has not
    };
    /// Somebody who wants a message. Dropping it leaves the message to others.
    class Receiving {
      public:
        virtual ~Receiving() = default;
        virtual bool is_done() const = 0;
        virtual const Error* error() const = 0;
        virtual Envelope envelope() const = 0;  ///< once done well; source as a member
        virtual Message take() = 0;             ///< of one without parts: once
    };

    /// Up to `eager_bytes_max` it is done as soon as it has been copied (and the receiver is not
    /// behind by more than the lag); a longer one when the receiver has taken it, straight from the
    /// parts.
    std::unique_ptr<Sending> start_send(std::span<const Part> parts, int to, int tag);
    /// Into parts, straight where it can be; or (`parts` nullopt) of any size into memory of its
    /// own. `from`: a member on another host, or any_source: any of them.
    std::unique_ptr<Receiving> start_receive(std::optional<std::span<const Part>> parts, int from,
                                             int tag);
    /// The first message that matches, left where it is.
    std::optional<Envelope> find(int from, int tag);
    /// Can nobody send from `from` (or any_source) any more, and is nothing of them left?
    bool is_forsaken(int from) const;
    /// From now on `listener` is called when something has come here, or a member has ended: by any
    /// thread, with a lock held.
    void on_news(std::function<void(bool has_ended)> listener);
    /// Does somebody rely on it that what comes here is heard of at once, whatever this rank does?
    void expect_news(bool does);
    /// How many bytes may be sent to each member that it has not received: 256 MiB at first, which
    /// is the most.
    void set_lag(std::size_t bytes);

    static constexpr std::size_t eager_bytes_max = 64 << 10;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
