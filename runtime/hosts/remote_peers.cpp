// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_peers.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/hosts/remote_peers_impl.hpp"

namespace ipcrun {

namespace {

using std::chrono::milliseconds;

// How often it is asked who has ended; and whether the hosts of streams are still there.
constexpr milliseconds ends_interval{10}, streams_interval{2'000};
// Of a rank that has ended nothing more is expected when nothing has come for so long.
constexpr milliseconds quiet_max{1'000};
constexpr Seconds goodbye_time_max{1.0};
// No event tells of the last acknowledgement.
constexpr Seconds goodbye_look_interval{0.001};

}  // namespace

RemotePeers::Impl::Impl(Options given)
    : options(std::move(given)), fabric(std::move(options.fabric), poller) {
    check(fabric.get() == nullptr || !options.encrypt, "a fabric where all is to be encrypted");
    key.bytes = options.secret;
    const std::size_t ranks = options.peers.size();
    check(options.rank >= 0 && static_cast<std::size_t>(options.rank) < ranks,
          "a rank that is not in its own job");
    peers.resize(ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        const RemotePeer& other = options.peers[rank];
        const bool is_here = other.address.host.empty() && !other.address.is_unix();
        if (static_cast<int>(rank) != options.rank && !is_here)
            peers[rank] = std::make_unique<HostPeer>(static_cast<int>(rank), other.name, poller,
                                                     contexts, fabric);
    }
    if (options.listener)
        poller.watch(options.listener.get(), {Poller::Token::Kind::listener, 0},
                     {.readable = true});
}

// No memory of messages is freed while the fabric may write there.
RemotePeers::Impl::~Impl() {
    if (fork_guard.is_ours()) fabric.close();
}

bool RemotePeers::Impl::advance() {
    const std::uint64_t before = contexts.counts.news.load(std::memory_order_relaxed);
    bool is_fabric_readable = false;
    using Kind = Poller::Token::Kind;
    bool moved =
        poller.look([this, &is_fabric_readable](Poller::Token token, Poller::Interest interest) {
            const int rank = static_cast<int>(token.number);
            switch (token.kind) {
                case Kind::stream:
                    return go_on_with_stream(peer(rank), interest);
                case Kind::dial:
                    return go_on_dialling(rank);
                case Kind::visitor:
                    return go_on_with_visitor(token.number);
                case Kind::listener:
                    return accept();
                case Kind::timer:
                    return tick();
                case Kind::fabric:
                    is_fabric_readable = true;
                    return;
                case Kind::wake:
                    return;  // look_at_fabric() is what it wakes for
            }
        });
    moved = look_at_fabric(is_fabric_readable) || moved;
    if (options.end_of) {
        const auto now = Clock::now();
        if (now - last_look_for_ends >= ends_interval) look_for_ends(now);
    }
    const bool has_news = contexts.counts.news.load(std::memory_order_relaxed) != before;
    if (has_news && options.on_news) options.on_news();
    return moved || has_news;
}

bool RemotePeers::Impl::look_at_fabric(bool is_told) {
    const bool moved = fabric.advance(is_told);
    // What one does about its transfers may end those of others.
    while (fabric.take_news())
        for (const auto& entry : peers)
            if (entry != nullptr) entry->look_at_flights();
    fabric.settle();
    return moved;
}

void RemotePeers::Impl::go_on_with_stream(HostPeer& peer, Poller::Interest interest) {
    if (!peer.has_stream()) return;
    try {
        if (interest.readable || peer.is_broken()) peer.read();
        if (interest.writable) peer.write();
    } catch (const Error& error) {
        // Those of frames do not name who sent them.
        const bool has_name = std::string_view(error.what()).starts_with(peer.name());
        end(peer, has_name ? error
                           : Error(error.code, fmt::format("{}: {}", peer.name(), error.what()),
                                   error.system_errno));
    } catch (const std::bad_alloc&) {
        end(peer, Error(ErrorCode::system,
                        fmt::format("{}: there is no memory for what it sends", peer.name())));
    }
}

// With how it has ended, where that is known.
void RemotePeers::Impl::end(HostPeer& peer, const Error& error) {
    const auto known = options.end_of && error.code != ErrorCode::protocol
                           ? options.end_of(peer.rank())
                           : std::nullopt;
    if (known)
        peer.end_by(Error(ErrorCode::peer_lost, fmt::format("{} {}", peer.name(), known->how)));
    else
        peer.end_by(error);
    set_timer();
}

void RemotePeers::Impl::look_for_ends(Clock::time_point now) {
    last_look_for_ends = now;
    const bool was_ending = !ending.empty();
    for (const auto& entry : peers) {
        if (entry == nullptr || entry->end()) continue;
        const int rank = entry->rank();
        const auto known = options.end_of(rank);
        if (!known) continue;
        // What it had sent is on the way, for as long as its host lives.
        if (entry->has_stream() && known->has_host_left) {
            auto& last = ending.try_emplace(rank, now).first->second;
            if (entry->has_come()) last = now;
            if (now - last < quiet_max) continue;
        }
        drop_dial(rank);
        entry->end_by(Error(ErrorCode::peer_lost, fmt::format("{} {}", entry->name(), known->how)));
    }
    std::erase_if(ending,
                  [this](const auto& entry) { return peer(entry.first).end().has_value(); });
    if (was_ending != !ending.empty()) set_timer();
}

void RemotePeers::Impl::tick() {
    poller.clear_timer();
    const auto now = Clock::now();
    look_at_dials(now);
    if (options.end_of) look_for_ends(now);
    if (now - last_look_at_streams >= streams_interval) {
        last_look_at_streams = now;
        for (const auto& entry : peers)
            if (entry != nullptr && entry->has_stream() && has_vanished(entry->fd()))
                end(*entry,
                    Error(ErrorCode::peer_lost,
                          fmt::format("{}: its host does not answer any more", entry->name())));
        const bool is_stuck = std::any_of(peers.begin(), peers.end(), [now](const auto& entry) {
            return entry != nullptr && entry->has_stuck_flight(now);
        });
        if (is_stuck) fabric.close();
    }
    set_timer();
}

void RemotePeers::Impl::set_timer() {
    milliseconds interval{0};
    const auto at_least = [&interval](milliseconds other) {
        interval = interval.count() == 0 ? other : std::min(interval, other);
    };
    for (const auto& [rank, dialling] : diallings)
        at_least(dialling.dial == nullptr        ? milliseconds(10)
                 : dialling.dial->is_connected() ? streams_interval
                                                 : milliseconds(100));
    if (!visitors.empty() || !accepts || !ending.empty()) at_least(milliseconds(100));
    if (std::any_of(peers.begin(), peers.end(),
                    [](const auto& entry) { return entry != nullptr && entry->has_stream(); }))
        at_least(streams_interval);
    poller.set_timer(interval);
}

void RemotePeers::Impl::take_back(RemoteSending& sending) {
    std::unique_lock lock(mutex);
    if (sending.peer->take_back(sending)) return;
    // The receiver is getting it from memory that is the caller's again after this.
    while (!sending.is_done()) {
        (void)advance();
        lock.unlock();
        pollfd poll_fd{poller.fd(), POLLIN, 0};
        // Another thread may see to it.
        (void)::poll(&poll_fd, 1, 10);
        lock.lock();
    }
}

// What was sent is lost when a socket is closed with something unread, unless it has arrived.
void RemotePeers::Impl::say_goodbye() {
    const Deadline until = Deadline::after(goodbye_time_max);
    for (const auto& entry : peers)
        if (entry != nullptr && (entry->has_stream() || diallings.contains(entry->rank())))
            entry->say_goodbye();
    const auto has_left = [this](const HostPeer& peer) {
        if (peer.end()) return true;
        if (!peer.has_stream()) return !diallings.contains(peer.rank());
        if (peer.is_broken()) return true;
        int unfinished = 0;
        return !peer.has_unsent() &&
               (::ioctl(peer.fd(), SIOCOUTQ, &unfinished) != 0 || unfinished == 0);
    };
    while (!until.has_passed()) {
        (void)advance();
        const bool is_over = std::all_of(peers.begin(), peers.end(), [&](const auto& entry) {
            return entry == nullptr || has_left(*entry);
        });
        if (is_over) return;
        pollfd poll_fd{poller.fd(), POLLIN, 0};
        (void)::poll(
            &poll_fd, 1,
            Deadline::sooner(until, Deadline::after(goodbye_look_interval)).remaining_ms());
    }
}

RemotePeers::RemotePeers(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

RemotePeers::~RemotePeers() {
    // In a child after fork() all of it belongs to the parent.
    if (!impl_->fork_guard.is_ours()) return;
    try {
        const std::lock_guard lock(impl_->mutex);
        impl_->say_goodbye();
    } catch (const std::exception&) {
        // What cannot be said is not missed: the others see the end of the streams.
    }
}

bool RemotePeers::progress() {
    const std::unique_lock lock(impl_->mutex, std::try_to_lock);
    return lock.owns_lock() && impl_->advance();
}

int RemotePeers::fd() const {
    return impl_->poller.fd();
}

std::uint64_t RemotePeers::news() const {
    return impl_->contexts.counts.news.load(std::memory_order_acquire);
}

bool RemotePeers::has_work_under_way() const {
    return impl_->contexts.counts.under_way.load() != 0;
}

bool RemotePeers::expects_work() const {
    return has_work_under_way() || impl_->contexts.counts.expected.load() != 0;
}

void RemotePeers::look_for_ends() {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->options.end_of) impl_->look_for_ends(Clock::now());
}

}  // namespace ipcrun
