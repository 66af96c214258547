// SPDX-License-Identifier: Apache-2.0
// What a peer says, and what it may say.
#include <algorithm>

#include "base/fail.hpp"
#include "runtime/hosts/host_peer.hpp"

namespace ipcrun {

namespace {

// Communicators that a peer may speak of before this rank has made them.
constexpr std::size_t unopened_flows_max = 1024;
// Of what was received the peer is told so much at a time, unless it asks.
constexpr std::size_t credit_step_bytes = 4 << 20;
// While so much waits to leave, it is told later.
constexpr std::size_t waiting_bytes_max = 64 << 10;

// A message with its body counts as what it takes up here, one without for its announcement.
constexpr std::size_t charge_of(const RemoteMessage& message) {
    return message.number != 0 ? remote_charge_min
                               : std::max<std::size_t>(message.bytes, remote_charge_min);
}

}  // namespace

void HostPeer::hear(const HostFrame& frame, std::span<const std::byte> body) {
    if (has_said_goodbye_) fail(ErrorCode::protocol, "{}: it went on after its goodbye", name_);
    switch (frame.kind) {
        case HostFrameKind::message:
        case HostFrameKind::announcement:
        case HostFrameKind::offer:
            return hear_message(frame, body);
        case HostFrameKind::request:
            return hear_request(frame);
        case HostFrameKind::withdrawal:
            return hear_withdrawal(frame);
        case HostFrameKind::credit:
            return hear_credit(frame);
        case HostFrameKind::held:
            return hear_held(frame);
        case HostFrameKind::leave:
            return hear_leave(frame);
        case HostFrameKind::goodbye:
            has_said_goodbye_ = true;
            return;
        case HostFrameKind::fabric:
            return hear_fabric(body);
        case HostFrameKind::pull:
            return hear_pull(frame);
        case HostFrameKind::arrival:
            return hear_arrival(frame);
        case HostFrameKind::retreat:
            return hear_retreat();
        case HostFrameKind::welcome:
        case HostFrameKind::body:
            break;
    }
    fail(ErrorCode::protocol, "{}: it welcomes for a second time", name_);
}

// What has been sent before anybody asked for it is within the lag, or the peer lies.
void HostPeer::count(Flow& flow, std::size_t bytes) {
    const std::size_t before = flow.is_open ? flow.here : unopened_bytes_;
    if (bytes > remote_lag_bytes_max - std::min(before, remote_lag_bytes_max))
        fail(ErrorCode::protocol, "{}: it has sent {} bytes more than it may", name_,
             before + bytes - remote_lag_bytes_max);
    if (!flow.is_open && unopened_flows_ > unopened_flows_max)
        fail(ErrorCode::protocol, "{}: it speaks of more than {} communicators that nobody knows",
             name_, unopened_flows_max);
    flow.here += bytes;
    if (!flow.is_open) unopened_bytes_ += bytes;
}

void HostPeer::hear_message(const HostFrame& frame, std::span<const std::byte> body) {
    const bool is_long = frame.kind != HostFrameKind::message;
    if (is_long && frame.number != ++heard_announcements_)
        fail(ErrorCode::protocol, "{}: announcement {} where {} was next", name_, frame.number,
             heard_announcements_);
    // Its sender hears, or has heard, that nobody is there.
    if (flows_.find(frame.context) == flows_.end() && contexts_.is_closed(frame.context)) return;
    Flow& flow = flow_of(frame.context);
    RemoteContext* const context = flow.receivers;
    if (flow.is_open && !context->has_member(rank_))
        fail(ErrorCode::protocol, "{}: it sends to communicator {}, of which it is no member",
             name_, frame.context);
    const std::size_t charge =
        is_long ? remote_charge_min : std::max<std::size_t>(frame.bytes, remote_charge_min);
    count(flow, charge);
    if (is_long) {
        // Known before it is fetched.
        incoming_[frame.number] = {.message = nullptr,
                                   .left = frame.bytes,
                                   .is_offered = frame.kind == HostFrameKind::offer};
        RemoteMessage* const message = context->announce(*this, rank_, frame);
        incoming_.at(frame.number).message = message;
        return;
    }
    if (!context->hear(*this, rank_, frame, body)) return;
    flow.here -= charge;
    flow.untold += charge;
    tell_received(flow);
}

void HostPeer::fetch(RemoteMessage& message) {
    message.is_requested = true;
    if (!pull(message, incoming_.at(message.number))) request(message.number);
}

void HostPeer::request(std::uint64_t number) {
    incoming_.at(number).is_requested = true;
    send({.kind = HostFrameKind::request, .number = number});
}

void HostPeer::release(const RemoteMessage& message) {
    const auto found = flows_.find(message.context);
    if (found == flows_.end()) return;
    Flow& flow = found->second;
    const std::size_t charge = charge_of(message);
    flow.here -= charge;
    if (!flow.is_open) unopened_bytes_ -= charge;
    flow.untold += charge;
    tell_received(flow);
}

void HostPeer::abandon(const RemoteMessage& message) {
    const auto found = incoming_.find(message.number);
    if (found == incoming_.end()) return;
    const auto pull = pulls_.find(message.number);
    if (pull != pulls_.end()) {
        check(static_cast<bool>(message.storage),
              "a message is thrown away while it comes to its receiver");
        pull->second.message = nullptr;
        pull->second.storage = message.storage;
    }
    // What was asked for comes all the same.
    if (found->second.is_requested || pull != pulls_.end())
        found->second.message = nullptr;
    else
        incoming_.erase(found);
}

void HostPeer::tell_received(Flow& flow) {
    if (flow.untold < (flow.is_asked ? 1 : credit_step_bytes)) return;
    if (out_.waiting_bytes() > waiting_bytes_max) return;
    const std::size_t bytes = std::exchange(flow.untold, 0);
    flow.is_asked = false;
    send({.kind = HostFrameKind::credit, .context = flow.context, .bytes = bytes});
}

void HostPeer::begin_piece(const HostFrame& frame) {
    if (has_said_goodbye_) fail(ErrorCode::protocol, "{}: it went on after its goodbye", name_);
    const auto found = incoming_.find(frame.number);
    if (found == incoming_.end() || !found->second.is_requested || frame.bytes > found->second.left)
        fail(ErrorCode::protocol, "{}: a body that nobody has asked for", name_);
    found->second.left -= frame.bytes;
    if (found->second.message == nullptr && found->second.left == 0) incoming_.erase(found);
}

RemoteMessage* HostPeer::find_coming(std::uint64_t number) {
    const auto found = incoming_.find(number);
    return found == incoming_.end() ? nullptr : found->second.message;
}

std::size_t HostPeer::look(std::uint64_t number, std::span<iovec> views) {
    RemoteMessage* const message = find_coming(number);
    return message == nullptr ? 0 : message->look(views);
}

void HostPeer::advance(std::uint64_t number, std::size_t bytes) {
    RemoteMessage* const message = find_coming(number);
    message->advance(bytes);
    check_whole(number, *message);
}

void HostPeer::put(std::uint64_t number, std::span<const std::byte> bytes) {
    RemoteMessage* const message = find_coming(number);
    if (message == nullptr) return;
    message->put(bytes);
    check_whole(number, *message);
}

void HostPeer::check_whole(std::uint64_t number, RemoteMessage& message) {
    if (!message.is_whole()) return;
    incoming_.erase(number);
    contexts_.find(message.context)->complete(message);
}

void HostPeer::hear_request(const HostFrame& frame) {
    if (frame.number > announced_)
        fail(ErrorCode::protocol, "{}: it asks for what was never announced", name_);
    const auto found = announcements_.find(frame.number);
    if (found == announcements_.end()) return;  // it has been taken back
    RemoteSending& sending = *found->second;
    const auto push = pushes_.find(frame.number);
    if (push != pushes_.end() && !push->second.is_requested) {
        // The fabric has failed it, or nobody waits for it there any more.
        push->second.is_requested = true;
        push->second.flight->cancel();
    } else if (sending.stage != RemoteSending::Stage::announced) {
        fail(ErrorCode::protocol, "{}: it asks for the same message twice", name_);
    }
    sending.stage = RemoteSending::Stage::leaving;
    out_.add_body(frame.number, sending.kept(), sending.frame.bytes);
    write();
}

void HostPeer::hear_withdrawal(const HostFrame& frame) {
    if (frame.number > heard_announcements_)
        fail(ErrorCode::protocol, "{}: it takes back what was never announced", name_);
    const auto found = incoming_.find(frame.number);
    if (found == incoming_.end()) return;  // of a communicator that is closed
    const Incoming item = found->second;
    const Pulls::node_type pull = stop_pull(frame.number);
    const bool has_begun = (item.message != nullptr && item.message->come_bytes != 0) ||
                           (!pull.empty() && !pull.mapped().flight.has_failed());
    // Requests that were in vain are not read, if it does not read at all.
    if (has_begun || out_.waiting_bytes() > remote_lag_bytes_max + host_eager_bytes_max)
        fail(ErrorCode::protocol, "{}: it takes back what has begun to come", name_);
    incoming_.erase(found);
    if (item.message != nullptr) contexts_.find(item.message->context)->withdraw(*item.message);
}

void HostPeer::hear_credit(const HostFrame& frame) {
    const auto found = flows_.find(frame.context);
    if (found == flows_.end() && contexts_.is_closed(frame.context)) return;
    if (found == flows_.end() || frame.bytes > found->second.ahead)
        fail(ErrorCode::protocol, "{}: it has received more than was sent", name_);
    Flow& flow = found->second;
    flow.ahead -= frame.bytes;
    flow.is_asking = false;
    release_held(flow);
}

void HostPeer::hear_held(const HostFrame& frame) {
    if (contexts_.is_closed(frame.context)) return;
    Flow& flow = flow_of(frame.context);
    count(flow, 0);
    flow.is_asked = true;
    tell_received(flow);
}

void HostPeer::hear_leave(const HostFrame& frame) {
    RemoteContext* const context = contexts_.find(frame.context);
    if (context == nullptr) return;
    Flow& flow = flow_of(frame.context);
    count(flow, 0);
    const Error why(ErrorCode::peer_lost, fmt::format("{} has left the communicator", name_), 0,
                    rank_);
    flow.left = why;
    for (RemoteSending* const sending : flow.held) sending->fail(why);
    flow.held.clear();
    std::erase_if(announcements_, [&](const auto& entry) {
        RemoteSending& sending = *entry.second;
        if (sending.frame.context != frame.context ||
            sending.stage != RemoteSending::Stage::announced)
            return false;
        sending.fail(why);
        return true;
    });
    // A body that it was sending is complete, or comes.
    context->end(rank_, why);
}

}  // namespace ipcrun
