// SPDX-License-Identifier: Apache-2.0
#pragma once
/// This rank's streams to ranks on other hosts: made when they are first needed, proved by the
/// job's secret, and carried on by whoever waits.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/fabric.hpp"
#include "runtime/message.hpp"
#include "runtime/part.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// A rank on another host, as it is known from the start.
struct RemotePeer {
    /// Where it listens, in numbers; empty: on this host, and not for here.
    Address address;
    std::string name;  ///< for errors: "rank 5 on host h2"
};

/// What messages between hosts are told apart by, beside who sent them.
struct MessageTag {
    std::uint32_t context = 0;  ///< which communicator: the same number at all its members
    int tag = 0;                ///< of the user, 0 or more
};

/// How a rank has ended, as others say.
struct RankEnd {
    std::string how;            ///< "failed: signal 9 (Killed)"
    bool has_host_left = true;  ///< what it had sent may still be on the way
};

class RemotePeers {
  public:
    struct Options {
        int rank = 0;                   ///< of this process in the job
        std::vector<RemotePeer> peers;  ///< by rank in the job
        JobSecret secret = {};
        UniqueFd listener;  ///< where others find this rank; non-blocking
        bool encrypt = false;
        /// What may carry the bodies of long messages to peers that have the same (see
        /// load_fabric()); null: the streams do. Not together with `encrypt`.
        std::shared_ptr<Fabric> fabric = nullptr;
        /// How a rank has ended, as far as is known from elsewhere; nullopt: it has not. Asked
        /// often, so it should cost little; see look_for_ends().
        std::function<std::optional<RankEnd>(int rank)> end_of = {};
        /// Called, with a lock held, when news() has grown in progress(): for those who sleep while
        /// others progress.
        std::function<void()> on_news = {};
    };
    explicit RemotePeers(Options options);
    RemotePeers(const RemotePeers&) = delete;
    /// Says goodbye to all: what was sent has left, or a second has passed. Mailboxes are gone
    /// before.
    ~RemotePeers();

    /// Does what can be done without waiting, for all peers and contexts: dials, proofs, bytes out
    /// and in. Any thread, one at a time (others return at once). Returns whether anything moved.
    bool progress();
    /// What to sleep on beside bells: one descriptor (an epoll), readable whenever progress() has
    /// something to do.
    int fd() const;
    /// Grows whenever something came that a waiting call may care for.
    std::uint64_t news() const;
    /// Is there something that goes on only while somebody calls progress(): bytes that could not
    /// leave yet, or a long message?
    bool has_work_under_way() const;
    /// Or something that may begin at any time, and is to go on at once: a long receive, or see
    /// RemoteMailbox::expect_news().
    bool expects_work() const;
    /// Asks end_of of every rank now, as progress() does now and then: for who has been told that
    /// somebody ended.
    void look_for_ends();

    struct Impl;
    Impl& impl() { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
