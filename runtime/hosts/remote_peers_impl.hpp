// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the peers of a rank are made of. Known to remote_peers.cpp, remote_dials.cpp and the
/// mailboxes.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/fork_guard.hpp"
#include "runtime/hosts/fabric_use.hpp"
#include "runtime/hosts/host_dial.hpp"
#include "runtime/hosts/host_peer.hpp"
#include "runtime/hosts/host_visitor.hpp"
#include "runtime/hosts/poller.hpp"
#include "runtime/hosts/remote_contexts.hpp"
#include "runtime/hosts/remote_peers.hpp"

namespace ipcrun {

/// Everything but `mutex`, `fork_guard` and the count of news is under the mutex.
struct RemotePeers::Impl {
    // Tries to reach a rank, one after the other.
    struct Dialling {
        std::unique_ptr<HostDial> dial = {};  // none: between two
        Clock::time_point next = {};          // when to try again
        std::chrono::milliseconds pause{5};
        std::optional<Clock::time_point> first_end = {};
    };

    explicit Impl(Options options);
    ~Impl();

    /// Does what can be done: did anything move?
    bool advance();

    // remote_dials.cpp
    /// A stream to it is wanted.
    void reach(HostPeer& peer);
    void try_dial(int rank);
    void go_on_dialling(int rank);
    void dial_failed(int rank, const Error& error);
    void give_up_dialling(int rank, ErrorCode code, std::string_view why, int error_number = 0);
    void drop_dial(int rank);
    void accept();
    bool make_room();
    void go_on_with_visitor(std::uint32_t number);
    void drop_visitor(std::uint32_t number);
    void take(HostVisitor& visitor);
    void look_at_dials(Clock::time_point now);

    // remote_peers.cpp
    bool is_remote(int rank) const { return peers[static_cast<std::size_t>(rank)] != nullptr; }
    HostPeer& peer(int rank) const { return *peers[static_cast<std::size_t>(rank)]; }
    bool look_at_fabric(bool is_told);
    void go_on_with_stream(HostPeer& peer, Poller::Interest interest);
    void end(HostPeer& peer, const Error& error);
    void tick();
    void look_for_ends(Clock::time_point now);
    void set_timer();
    /// Waits until all of it has left, or it never will.
    void take_back(RemoteSending& sending);
    void say_goodbye();

    std::mutex mutex;
    ForkGuard fork_guard;
    Options options;
    Key key;
    Poller poller;
    RemoteContexts contexts;
    FabricUse fabric;
    std::vector<std::unique_ptr<HostPeer>> peers;  // by rank; null: on this host
    std::map<int, Dialling> diallings;             // by rank
    std::map<std::uint32_t, HostVisitor> visitors;
    std::uint32_t last_visitor = 0;
    bool accepts = true;  // the listener is watched
    // By rank: it is known to have ended, and its stream has not. When something came last.
    std::map<int, Clock::time_point> ending;
    Clock::time_point last_look_for_ends = {}, last_look_at_streams = {};
};

}  // namespace ipcrun
