// SPDX-License-Identifier: Apache-2.0
// How messages leave by a socket.
#include "base/fail.hpp"
#include "runtime/connection/link_errors.hpp"
#include "runtime/connection/socket_link.hpp"

namespace ipcrun {

void SocketLink::send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
                      Deadline deadline) {
    const PartsShape shape(parts, false);
    const LinkCall call{"send", tag, shape.bytes};
    check_call(call, note);
    const FrameHeader header{.kind = FrameKind::message,
                             .dtype = static_cast<std::uint8_t>(shape.dtype),
                             .tag = static_cast<std::uint32_t>(tag),
                             .note_bytes = static_cast<std::uint16_t>(note.size()),
                             .body_bytes = shape.bytes};
    const std::size_t charge = link_lag_bytes_of(header);
    // So that an end that has come is an error now, and not at the message after this one.
    if (const auto now = Clock::now(); now - last_look_ >= sender_look_interval) {
        last_look_ = now;
        take_in();
    } else if (!has_room(charge)) {
        take_in();
    }
    if (end_) fail_ended(call);
    if (has_room(charge)) {
        send_frame(call, header, note, parts, deadline);
        sent_bytes_ += charge;
    } else {
        send_offer(call, header, note, parts, deadline);
    }
}

bool SocketLink::has_room(std::size_t charge) const {
    const std::size_t ahead = sent_bytes_ - intake_.heard().received_bytes;
    return ahead + charge <= link_lag_bytes;
}

// True when all of it has left.
bool SocketLink::push(Outlet::Frame& frame) {
    try {
        return frame.advance();
    } catch (const Error& error) {
        take_in();
        end_by(error);
        return false;
    }
}

void SocketLink::send_frame(const LinkCall& call, const FrameHeader& header,
                            std::span<const std::uint8_t> note, std::span<const Part> parts,
                            Deadline deadline) {
    Outlet::Frame frame(outlet_, header, note, parts);
    try {
        while (!push(frame)) {
            if (!end_) take_in();
            if (end_) fail_ended(call);
            if (idle(true, deadline)) continue;
            throw frame.has_begun() ? link_torn(call) : link_timed_out(call);
        }
    } catch (...) {
        // Also where there was no memory for what came meanwhile: whatever follows a part of a
        // message would be read as the rest of it.
        if (frame.has_begun()) end_by(broken_off_);
        throw;
    }
}

// Both ends wait in sends to each other, without deadlines, and there is room for neither message.
// Either end comes to the same: the peer sent all that it will before it said that it stays, and
// what this end is ahead by is what the peer has here, and the reverse.
bool SocketLink::is_stuck(std::size_t charge) const {
    const Inbound* const other = intake_.offer();
    return other != nullptr && other->sender_stays && !other->is_accepted && !has_room(charge) &&
           intake_.lag_bytes() + link_lag_bytes_of(other->header) > link_lag_bytes;
}

// Until the peer has asked for the body of this end's offer, or there is room for it; false when
// both ends are held back.
bool SocketLink::await_room(const LinkCall& call, std::size_t charge, std::uint64_t number,
                            Deadline deadline) {
    for (;;) {
        flush();
        // Frame by frame: behind its offer lies what the peer sent when it had seen that both wait.
        bool goes_on = true;
        while (goes_on) {
            if (intake_.heard().accepted == number || has_room(charge)) break;
            if (deadline.is_never() && is_stuck(charge)) {
                intake_.drop_offer();
                return false;
            }
            if (Inbound* const message = intake_.undecided()) intake_.keep(*message);
            goes_on = step();
        }
        if (end_) fail_ended(call);
        if (goes_on) return true;
        if (!idle(false, deadline)) throw link_timed_out(call);
    }
}

// One that has not begun to leave was never made: a peer that does not read costs no memory,
// however often it is tried.
void SocketLink::take_back_offer(std::size_t begin) {
    const std::uint64_t number = offers_;
    if (outlet_.take_back(begin)) {
        --offers_;
        return;
    }
    outlet_.add({.kind = FrameKind::withdraw, .body_bytes = number});
    flush();
}

// For a message that there is no room for: the receiver says that it wants it, or makes room.
void SocketLink::send_offer(const LinkCall& call, FrameHeader header,
                            std::span<const std::uint8_t> note, std::span<const Part> parts,
                            Deadline deadline) {
    // First what the peer may be waiting for, which must not seem to be missing; see is_stuck.
    tell_received();
    header.kind = FrameKind::offer;
    const std::size_t charge = link_lag_bytes_of(header);
    const std::size_t offer_begin = outlet_.waiting_bytes();
    const std::uint64_t number = ++offers_;
    outlet_.add(header, note);
    if (deadline.is_never()) outlet_.add({.kind = FrameKind::stay});
    bool goes = false;
    try {
        goes = await_room(call, charge, number, deadline);
        header.kind = FrameKind::body;
        header.note_bytes = 0;
        if (goes) send_frame(call, header, {}, parts, deadline);
    } catch (...) {
        if (!end_) take_back_offer(offer_begin);
        throw;
    }
    // The peer has dropped this end's, too.
    if (!goes) throw link_held_back(call, link_lag_bytes);
    sent_bytes_ += charge;
}

}  // namespace ipcrun
