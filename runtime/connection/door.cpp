// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/door.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/unix_channel.hpp"

namespace ipcrun {

namespace {

constexpr std::chrono::milliseconds visitor_patience{10'000};
// Where descriptors have run out, until it is tried again.
constexpr std::chrono::milliseconds exhausted_pause{100};

Ticket random_ticket() {
    const Key random = Key::random();
    Ticket ticket;
    std::copy_n(random.bytes.begin(), ticket.size(), ticket.begin());
    return ticket;
}

std::string random_name() {
    std::string name = "@ipcrun-";
    for (const std::uint8_t byte : random_ticket()) name += fmt::format("{:02x}", byte);
    return name;
}

}  // namespace

Door::Door(LoopThread& thread)
    : thread_(thread), name_(random_name()), listener_(listen_at({.path = name_})) {
    open();
}

void Door::open() {
    pause_.reset();
    if (watch_) return;
    watch_ = thread_.loop().on_readable(listener_.get(), [this] { accept(); });
}

void Door::rest(std::chrono::milliseconds time) {
    watch_.reset();
    pause_ = thread_.loop().after(time, [this] { open(); });
}

Ticket Door::expect(const Key& secret, OnVisitor on_visitor) {
    const Ticket ticket = random_ticket();
    expected_.emplace(ticket, Expected{secret, std::move(on_visitor)});
    return ticket;
}

void Door::forget(const Ticket& ticket) {
    expected_.erase(ticket);
}

void Door::accept() {
    if (visitors_.size() >= visitors_max) {
        if (Clock::now() - visitors_.front().since < grace) return rest(grace);
        visitors_.pop_front();
    }
    UniqueFd socket;
    try {
        socket = accept_from(listener_.get());
        if (!socket || peer_identity(socket.get()).uid != ::geteuid()) return;
    } catch (const Error&) {
        // The visitor waits outside, until its patience ends or a descriptor is free.
        return rest(exhausted_pause);
    }
    const Place visitor = visitors_.emplace(visitors_.end());
    visitor->socket = std::move(socket);
    visitor->patience = thread_.loop().after(visitor_patience, [this, visitor] { leave(visitor); });
    visitor->watch =
        thread_.loop().on_readable(visitor->socket.get(), [this, visitor] { advance(visitor); });
}

void Door::leave(Place visitor) {
    visitors_.erase(visitor);
    open();
}

void Door::advance(Place visitor) {
    try {
        if (!is_proved(*visitor)) return;
    } catch (const Error&) {
        // A stranger, or somebody whose connection has ended: their own loss.
        return leave(visitor);
    }
    Ticket ticket;
    std::copy(visitor->ticket.begin(), visitor->ticket.end(), ticket.begin());
    auto expected = expected_.extract(ticket);
    visitor->watch.reset();
    UniqueFd socket = std::move(visitor->socket);
    leave(visitor);
    if (expected) expected.mapped().on_visitor(std::move(socket));
}

bool Door::is_proved(Visitor& visitor) {
    const int fd = visitor.socket.get();
    if (visitor.handshake == nullptr) {
        Ticket ticket;
        if (!read_up_to(fd, visitor.ticket, ticket.size())) return false;
        std::copy(visitor.ticket.begin(), visitor.ticket.end(), ticket.begin());
        const auto expected = expected_.find(ticket);
        if (expected == expected_.end()) fail(ErrorCode::protocol, "an unknown ticket");
        visitor.handshake = std::make_unique<DoorHandshake>(Role::server, expected->second.secret);
    }
    return visitor.handshake->advance(fd);
}

}  // namespace ipcrun
