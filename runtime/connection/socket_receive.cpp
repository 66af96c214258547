// SPDX-License-Identifier: Apache-2.0
// How messages are received from a socket.
#include "base/fail.hpp"
#include "runtime/connection/link_errors.hpp"
#include "runtime/connection/socket_link.hpp"

namespace ipcrun {

namespace {

Arrival arrival_of(const Inbound& message) {
    return {message.header.body_bytes, Dtype(message.header.dtype), message.note};
}

}  // namespace

// The next message with the tag, if only its header is there; null when the deadline passes.
Inbound* SocketLink::await(const LinkCall& call, Deadline deadline) {
    for (;;) {
        if (Inbound* const message = intake_.first(call.tag)) return message;
        if (Inbound* const other = intake_.undecided()) intake_.keep(*other);
        if (step()) continue;
        if (end_) {
            if (Inbound* const message = intake_.first(call.tag)) return message;
            fail_ended(call);
        }
        flush();
        if (!end_ && !idle(false, deadline)) return nullptr;
    }
}

std::optional<Arrival> SocketLink::wait(int tag, Deadline deadline) {
    const LinkCall call{"wait for", tag};
    check_call(call);
    const Inbound* const message = await(call, deadline);
    if (message == nullptr) return std::nullopt;
    return arrival_of(*message);
}

void SocketLink::ask_for_body(Inbound& message) {
    if (message.has_body || message.is_accepted) return;
    message.is_accepted = true;
    outlet_.add({.kind = FrameKind::accept, .body_bytes = message.offer});
}

// What has come to an end is had without waiting, too: as an error.
bool SocketLink::has_whole(int tag) {
    check_call({"receive", tag});
    if (Inbound* const message = intake_.first(tag)) ask_for_body(*message);
    flush();
    take_in();
    const Inbound* const message = intake_.first(tag);
    return message == nullptr || message->is_complete();
}

// Asks for the body of an offer: false when the sender has taken it back.
bool SocketLink::await_body(const LinkCall& call, Deadline deadline) {
    Inbound* message = intake_.first(call.tag);
    if (message->has_body) return true;
    const std::uint64_t number = message->offer;
    ask_for_body(*message);
    for (;;) {
        message = intake_.first(call.tag);
        if (message == nullptr || message->offer != number) return false;
        if (message->has_body) return true;
        if (Inbound* const other = intake_.undecided()) intake_.keep(*other);
        if (step()) continue;
        if (end_) return false;
        flush();
        if (!end_ && !idle(false, deadline)) throw link_timed_out(call);
    }
}

// The next message with the tag as soon as all of it is there: in the target, or in its storage.
// Null when it is no more.
Inbound* SocketLink::complete(const LinkCall& call, PartsTarget* target, Deadline deadline) {
    if (!await_body(call, deadline)) return nullptr;
    Inbound* const message = intake_.first(call.tag);
    if (target == nullptr) intake_.keep(*message);
    // Whatever happens, the parts are the caller's again when this returns.
    struct Retreat {
        SocketLink& link;
        ~Retreat() { link.retreat(); }
    } retreat{*this};
    if (target != nullptr) intake_.lead_to(*message, *target);
    while (!message->is_complete()) {
        if (step()) continue;
        if (!outlet_.is_empty()) flush();
        if (!end_ && !idle(false, deadline)) throw link_timed_out(call);
        // The end has dropped the message, unless the rest of it came before.
        if (end_) return nullptr;
    }
    return message;
}

// What has come of a message that was to go to parts goes on to memory of its own.
void SocketLink::retreat() noexcept {
    try {
        intake_.leave_target();
    } catch (const std::exception&) {
        end_by(no_memory_);
    }
}

void SocketLink::receive_into(std::span<const Part> parts, int tag, Deadline deadline) {
    const PartsShape shape(parts, true);
    const LinkCall call{"receive", tag, shape.bytes};
    check_call(call);
    for (;;) {
        const Inbound* const message = await(call, deadline);
        if (message == nullptr) throw link_timed_out(call);
        check_arrival(call, shape, arrival_of(*message));
        PartsTarget target(parts);
        if (complete(call, &target, deadline) != nullptr) break;
    }
    remove_received(tag);
}

Message SocketLink::receive(int tag, Deadline deadline) {
    const LinkCall call{"receive", tag};
    check_call(call);
    Inbound* message = nullptr;
    do {
        if (await(call, deadline) == nullptr) throw link_timed_out(call);
        message = complete(call, nullptr, deadline);
    } while (message == nullptr);
    const std::size_t bytes = message->header.body_bytes;
    Message result{{0, tag, bytes, Dtype(message->header.dtype)}, std::move(message->storage)};
    remove_received(tag);
    return result;
}

// The peer is told now and then, so that messages cost no answers; and before this end waits for
// it.
void SocketLink::remove_received(int tag) {
    untold_bytes_ += intake_.remove_first(tag);
    if (untold_bytes_ >= credit_step_bytes) tell_received();
}

void SocketLink::tell_received() {
    if (untold_bytes_ == 0) return;
    outlet_.add({.kind = FrameKind::received, .body_bytes = untold_bytes_});
    untold_bytes_ = 0;
    flush();
}

}  // namespace ipcrun
