// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Passes messages on between this process's connection with a parent or a child on its host, and
/// the process on another host that does the same there: so the two ends of a connection over hosts
/// are what they are on one.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "relay/socket_bell.hpp"
#include "relay/words.hpp"
#include "runtime/communicator.hpp"
#include "runtime/connection/socket_link.hpp"
#include "runtime/sources_sleep.hpp"

namespace ipcrun {

/// Used by one thread, but for wake() and say_soon(). Nothing waits but sleep(), and messages that
/// go out to the network for that.
///
/// Of data (tag 0) a window is under way at a time, and waits at the other end for its receiver, as
/// long as that likes. All other tags are of short messages that somebody is about to wait for:
/// they pass at once.
class Relay {
  public:
    /// `local`: a communicator of two. `link`: with the other relay. Both are borrowed.
    Relay(Communicator& local, SocketLink& link);
    Relay(const Relay&) = delete;

    /// Passes on what is there: was there anything?
    bool pass_on();
    /// The child has ended: nothing that it has sent is held back any more.
    void lift_limits();
    /// The next word of the other relay, if one has come.
    std::optional<RelayWord> hear();
    void say(const RelayWord& word);
    /// The same, later: any thread.
    void say_soon(const RelayWord& word);

    /// Until pass_on() may have something to do, or two seconds have passed. `has_news` says
    /// whether the caller has: whoever makes it true afterwards rings for the process here, or
    /// calls wake().
    void sleep(const std::function<bool()>& has_news);
    /// Any thread.
    void wake();

    /// Has the process on this host gone, and has all that it sent been passed on?
    bool has_local_gone() const { return has_local_gone_; }
    /// Has all that came for it been handed over?
    bool is_delivered() const { return waiting_.empty(); }
    /// Why nothing comes from the other relay any more, once all that did has been taken.
    const std::optional<Error>& link_end() const { return link_end_; }

    /// What parallel uses, from 0: bindings/lua/lua/parallel/state.lua.
    static constexpr int tag_count = 4;
    /// Of what the near end tells the parent itself: the child runs.
    static constexpr int started_tag = 5;
    /// On the link: of words.
    static constexpr int word_tag = tag_count;
    /// Keeps the link apart from all other connections; see DialOptions.
    static constexpr std::string_view purpose = "relay";

  private:
    struct Waiting {
        Message message;
        Part part;
        std::optional<Request> request = {};  // once it has been begun
    };

    bool forward(int tag);
    bool fetch(int tag);
    bool has_come(int tag);
    bool deliver();
    bool say_posted();
    void hear_all();
    int peer() const { return 1 - local_.rank(); }

    Communicator& local_;
    SocketLink& link_;
    std::array<Source, 1> sources_;
    SocketBell socket_bell_;
    SourcesSleep sleep_;
    std::deque<Waiting> waiting_;  // data for the process here
    std::deque<RelayWord> heard_;
    bool is_unlimited_ = false;
    std::uint64_t under_way_ = 0;  // of the window: what the other relay holds
    std::uint64_t untold_ = 0;     // of the window: what was handed over, and it does not know
    bool has_local_gone_ = false;
    std::optional<Error> link_end_;
    std::mutex mutex_;  // guards what follows
    std::vector<RelayWord> posted_;
};

}  // namespace ipcrun
