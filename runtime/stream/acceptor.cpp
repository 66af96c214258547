// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/acceptor.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/stream/handshake_socket.hpp"

namespace ipcrun {

namespace {

// Connections taken at a time, so that those that are there are served in a flood.
constexpr int taken_max = 32;
constexpr std::chrono::milliseconds exhaustion_pause{100};

std::string name_of_peer(int fd) {
    const Address address = peer_address(fd);
    return address.is_unix() ? address.path : format_address(address);
}

}  // namespace

// Shared with its own callbacks while they run: the one of them that hands out a stream may be
// where the Acceptor is dropped.
struct Acceptor::Impl : std::enable_shared_from_this<Impl> {
    struct Pending {
        Pending(UniqueFd socket, const AcceptorOptions& options, std::string_view purpose,
                std::string peer)
            : handshake(std::move(socket), Role::server, options.key, options.encrypt, purpose,
                        std::move(peer)) {}
        HandshakeSocket handshake;
        Clock::time_point begun = Clock::now();
        bool has_spoken = false;
        FdWatch watch = {};
        Timer patience = {};
    };

    Impl(EventLoop& event_loop, UniqueFd socket, AcceptorOptions wishes,
         std::function<void(SecureStream)> callback)
        : loop(event_loop),
          listener(std::move(socket)),
          options(std::move(wishes)),
          purpose(options.purpose),
          on_stream(std::move(callback)) {}

    EventLoop& loop;
    UniqueFd listener;
    AcceptorOptions options;
    std::string purpose;  // for options.purpose is borrowed
    std::function<void(SecureStream)> on_stream;
    FdWatch listener_watch = {};
    Timer pause = {};
    std::uint64_t last_id = 0;
    std::map<std::uint64_t, Pending> pending = {};  // the oldest first
    bool is_closed = false;
    bool is_exhausted = false;  // and that was written down

    mutable std::mutex mutex = {};
    Refusals refused = {};  // guarded by it

    void start() {
        listener_watch = loop.on_readable(listener.get(), [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->accept();
        });
    }

    void close() {
        is_closed = true;
        listener_watch.reset();
        pause.reset();
        pending.clear();
        listener.reset();
    }

    void refuse(std::string_view who, std::string_view why) {
        const std::lock_guard lock(mutex);
        ++refused.count;
        refused.last = fmt::format("{}: {}", who, why);
    }

    // From when on it has to give way to others.
    Clock::time_point end_of_turn(const Pending& entry) const {
        return entry.begun + (entry.has_spoken ? options.patience_for_others : options.silence);
    }

    // Nobody is taken for so long, or until there is room.
    void wait_for(std::chrono::milliseconds time) {
        loop.pause(listener_watch);
        pause = loop.after(time, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->go_on_accepting();
        });
    }

    void go_on_accepting() {
        pause.reset();
        if (!is_closed) loop.resume(listener_watch);
    }

    void drop(std::uint64_t id) {
        pending.erase(id);
        go_on_accepting();
    }

    // Is there room for one more handshake? If not, there will be when one has to give way.
    bool make_room() {
        if (pending.size() < options.handshakes_max) return true;
        const auto first = std::min_element(
            pending.begin(), pending.end(), [this](const auto& one, const auto& other) {
                return end_of_turn(one.second) < end_of_turn(other.second);
            });
        const auto left = end_of_turn(first->second) - Clock::now();
        if (left <= Clock::duration::zero()) {
            give_up(first->first, "it was silent while many others came");
            return true;
        }
        wait_for(std::chrono::ceil<std::chrono::milliseconds>(left));
        return false;
    }

    void accept() {
        for (int taken = 0; taken < taken_max && !is_closed; ++taken) {
            if (!make_room()) return;
            UniqueFd socket;
            try {
                socket = accept_from(listener.get());
            } catch (const Error& error) {
                // No descriptors, or no memory; the connection stays in the queue of the kernel.
                if (!std::exchange(is_exhausted, true)) refuse("a connection", error.what());
                return wait_for(exhaustion_pause);
            }
            if (!socket) return;
            is_exhausted = false;
            try {
                take(std::move(socket));
            } catch (const std::exception& error) {
                refuse("a connection", error.what());
            }
        }
    }

    void take(UniqueFd socket) {
        std::string peer = name_of_peer(socket.get());
        const std::uint64_t id = ++last_id;
        const auto place =
            pending.try_emplace(id, std::move(socket), options, purpose, std::move(peer)).first;
        try {
            Pending& entry = place->second;
            entry.watch = loop.on_readable(entry.handshake.fd(), [weak = weak_from_this(), id] {
                if (const auto self = weak.lock()) self->go_on(id);
            });
            entry.patience = loop.after(options.patience, [weak = weak_from_this(), id] {
                if (const auto self = weak.lock()) self->give_up(id, "it was silent for too long");
            });
        } catch (...) {
            pending.erase(place);
            throw;
        }
    }

    void give_up(std::uint64_t id, std::string_view why) {
        const auto entry = pending.find(id);
        if (entry == pending.end()) return;
        refuse(entry->second.handshake.peer(), why);
        drop(id);
    }

    void go_on(std::uint64_t id) {
        const auto place = pending.find(id);
        if (place == pending.end()) return;
        Pending& entry = place->second;
        entry.has_spoken = true;
        const std::string peer = entry.handshake.peer();
        try {
            const auto state = entry.handshake.advance();
            if (state != HandshakeSocket::State::done) {
                const bool reads = state == HandshakeSocket::State::wants_to_read;
                return loop.set_interest(entry.watch, reads, !reads);
            }
            // The watch goes before the descriptor may get another.
            entry.watch.reset();
            SecureStream stream = entry.handshake.take_stream();
            drop(id);
            on_stream(std::move(stream));
        } catch (const std::exception& error) {
            const std::string_view text = error.what();
            // Errors of the socket name the peer already.
            const bool has_name = text.starts_with(peer + ": ");
            refuse(peer, has_name ? text.substr(peer.size() + 2) : text);
            drop(id);
        }
    }
};

Acceptor::Acceptor(EventLoop& loop, UniqueFd listener, AcceptorOptions options,
                   std::function<void(SecureStream)> on_stream)
    : impl_(std::make_shared<Impl>(loop, std::move(listener), std::move(options),
                                   std::move(on_stream))) {
    check(impl_->options.handshakes_max > 0, "an acceptor that may not shake hands");
    impl_->start();
}

Acceptor::~Acceptor() {
    impl_->close();
}

Refusals Acceptor::refusals() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->refused;
}

}  // namespace ipcrun
