// SPDX-License-Identifier: Apache-2.0
// How streams come about: one for each pair of ranks, whoever dials first. When both do, the one
// that the lower rank dialled stays: who has a connection of its own on its way refuses that of a
// higher rank, and drops its own for that of a lower one. Nothing but the proof is said on a stream
// until who was dialled has sent a welcome; so nothing is lost with one that is dropped.
#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/hosts/remote_peers_impl.hpp"

namespace ipcrun {

namespace {

using std::chrono::milliseconds;
using State = HandshakeSocket::State;
using Kind = Poller::Token::Kind;

// For a connection; and for tries that end in the middle of a handshake, since the first of them.
// How long a rank takes to answer once it is connected is up to what it does: it is given up when
// it ends, or its host does not answer.
constexpr std::chrono::seconds dial_time_max{10};
constexpr milliseconds pause_max{250};
// As for other listeners: see AcceptorOptions.
constexpr std::size_t visitors_max = 128;
constexpr std::chrono::seconds visit_time_max{10};
constexpr milliseconds silence_for_others{100}, patience_for_others{1'000};
constexpr int taken_max = 32;

Poller::Interest interest_of(State state) {
    return {.readable = state == State::wants_to_read, .writable = state == State::wants_to_write};
}

bool may_change(const Error& error) {
    return error.code == ErrorCode::peer_lost || error.system_errno == ECONNRESET ||
           error.system_errno == ECONNABORTED || error.system_errno == EAGAIN;
}

// Without what the error names besides: whom, and where.
std::string_view reason_of(const Error& error, std::string_view name) {
    const std::string_view text = error.what();
    if (error.code == ErrorCode::config)
        return "who listens there is another rank, or of another job";
    if (text.starts_with("connect to ")) return std::strerror(error.system_errno);
    const bool has_name = text.starts_with(name) && text.substr(name.size()).starts_with(": ");
    return has_name ? text.substr(name.size() + 2) : text;
}

Poller::Token token_of(Kind kind, int rank) {
    return {kind, static_cast<std::uint32_t>(rank)};
}

}  // namespace

void RemotePeers::Impl::reach(HostPeer& peer) {
    if (peer.has_stream() || peer.end() || diallings.contains(peer.rank())) return;
    diallings.try_emplace(peer.rank());
    try_dial(peer.rank());
    set_timer();
}

void RemotePeers::Impl::try_dial(int rank) {
    Dialling& dialling = diallings.at(rank);
    const RemotePeer& other = options.peers[static_cast<std::size_t>(rank)];
    const Introduction introduction{static_cast<std::uint32_t>(options.rank),
                                    static_cast<std::uint32_t>(rank)};
    try {
        dialling.dial = std::make_unique<HostDial>(other.address, introduction, key,
                                                   options.encrypt, other.name);
        poller.watch(dialling.dial->fd(), token_of(Kind::dial, rank), {.writable = true});
    } catch (const Error& error) {
        dial_failed(rank, error);
    }
}

void RemotePeers::Impl::go_on_dialling(int rank) {
    const auto place = diallings.find(rank);
    if (place == diallings.end() || place->second.dial == nullptr) return;
    HostDial& dial = *place->second.dial;
    try {
        const State state = dial.advance();
        if (state != State::done)
            return poller.change(dial.fd(), token_of(Kind::dial, rank), interest_of(state));
    } catch (const Error& error) {
        return dial_failed(rank, error);
    }
    poller.forget(dial.fd());
    const auto done = std::move(place->second.dial);
    diallings.erase(place);
    peer(rank).establish(done->take_stream(), false);
    // More may have come with the welcome, where the socket does not show it any more.
    go_on_with_stream(peer(rank), {.readable = true});
    set_timer();
}

void RemotePeers::Impl::drop_dial(int rank) {
    const auto place = diallings.find(rank);
    if (place == diallings.end()) return;
    if (place->second.dial != nullptr) poller.forget(place->second.dial->fd());
    diallings.erase(place);
}

void RemotePeers::Impl::dial_failed(int rank, const Error& error) {
    Dialling& dialling = diallings.at(rank);
    if (dialling.dial != nullptr) poller.forget(dialling.dial->fd());
    dialling.dial.reset();
    const auto now = Clock::now();
    if (!dialling.first_end) dialling.first_end = now;
    const bool is_over = now - *dialling.first_end >= dial_time_max;
    if (may_change(error) && !is_over) {
        dialling.next = now + dialling.pause;
        dialling.pause = std::min(2 * dialling.pause, pause_max);
        return set_timer();
    }
    const bool is_gone = error.code == ErrorCode::peer_lost || error.system_errno == ECONNREFUSED;
    give_up_dialling(rank, is_gone ? ErrorCode::peer_lost : error.code,
                     reason_of(error, options.peers[static_cast<std::size_t>(rank)].name),
                     error.system_errno);
}

void RemotePeers::Impl::give_up_dialling(int rank, ErrorCode code, std::string_view why,
                                         int error_number) {
    drop_dial(rank);
    const RemotePeer& other = options.peers[static_cast<std::size_t>(rank)];
    end(peer(rank), Error(code,
                          fmt::format("{} cannot reach {} at {}: {}",
                                      options.peers[static_cast<std::size_t>(options.rank)].name,
                                      other.name, format_address(other.address), why),
                          error_number));
}

// When there are too many, those go that are silent, or have taken long: a flood keeps nobody out.
bool RemotePeers::Impl::make_room() {
    if (visitors.size() < visitors_max) return true;
    const auto now = Clock::now();
    const auto late = std::find_if(visitors.begin(), visitors.end(), [&](const auto& entry) {
        const HostVisitor& visitor = entry.second;
        return now - visitor.begun() >=
               (visitor.has_spoken() ? patience_for_others : silence_for_others);
    });
    if (late == visitors.end()) return false;
    drop_visitor(late->first);
    return true;
}

void RemotePeers::Impl::accept() {
    for (int taken = 0; taken < taken_max; ++taken) {
        UniqueFd socket;
        bool has_room = make_room();
        try {
            if (has_room) socket = accept_from(options.listener.get());
        } catch (const Error&) {
            // No descriptors, or no memory; the connection stays in the queue of the kernel.
            has_room = false;
        }
        if (!has_room) {
            poller.change(options.listener.get(), {Kind::listener, 0}, {});
            accepts = false;
            break;
        }
        if (!socket) break;
        const std::uint32_t number = ++last_visitor;
        const auto place = visitors
                               .try_emplace(number, std::move(socket), options.rank,
                                            static_cast<int>(peers.size()), key, options.encrypt)
                               .first;
        poller.watch(place->second.fd(), {Kind::visitor, number}, {.readable = true});
    }
    set_timer();
}

void RemotePeers::Impl::drop_visitor(std::uint32_t number) {
    const auto place = visitors.find(number);
    poller.forget(place->second.fd());
    visitors.erase(place);
    set_timer();
}

void RemotePeers::Impl::go_on_with_visitor(std::uint32_t number) {
    const auto place = visitors.find(number);
    if (place == visitors.end()) return;
    HostVisitor& visitor = place->second;
    try {
        const State state = visitor.advance();
        if (state != State::done)
            return poller.change(visitor.fd(), {Kind::visitor, number}, interest_of(state));
        take(visitor);
    } catch (const Error&) {
        // A stranger, or a dial that was dropped: whoever it is has been told, or is gone.
    }
    drop_visitor(number);
}

void RemotePeers::Impl::take(HostVisitor& visitor) {
    const int rank = visitor.rank();
    if (!is_remote(rank) || peer(rank).has_stream() || peer(rank).end()) return;
    const auto own = diallings.find(rank);
    // What is not connected yet has said nothing, and may never be.
    const bool is_dialling =
        own != diallings.end() && own->second.dial != nullptr && own->second.dial->is_connected();
    if (is_dialling && options.rank < rank) return;
    drop_dial(rank);
    poller.forget(visitor.fd());
    peer(rank).establish(visitor.take_stream(), true);
}

void RemotePeers::Impl::look_at_dials(Clock::time_point now) {
    std::vector<int> ranks;
    for (const auto& [rank, dialling] : diallings) ranks.push_back(rank);
    for (const int rank : ranks) {
        const Dialling& dialling = diallings.at(rank);
        if (dialling.dial == nullptr) {
            if (now >= dialling.next) try_dial(rank);
        } else if (!dialling.dial->is_connected()) {
            if (now - dialling.dial->begun() >= dial_time_max)
                give_up_dialling(rank, ErrorCode::timeout,
                                 fmt::format("no answer in {} s", dial_time_max.count()));
        } else if (has_vanished(dialling.dial->fd())) {
            give_up_dialling(rank, ErrorCode::peer_lost, "its host does not answer any more");
        }
    }
    for (auto visitor = visitors.begin(); visitor != visitors.end();) {
        const auto next = std::next(visitor);
        if (now - visitor->second.begun() >= visit_time_max) drop_visitor(visitor->first);
        visitor = next;
    }
    if (!accepts) {
        poller.change(options.listener.get(), {Kind::listener, 0}, {.readable = true});
        accepts = true;
    }
}

}  // namespace ipcrun
