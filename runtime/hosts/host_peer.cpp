// SPDX-License-Identifier: Apache-2.0
// The stream, and what leaves. What is heard: host_peer_frames.cpp.
#include "runtime/hosts/host_peer.hpp"

#include <algorithm>
#include <new>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t charge_of(std::uint64_t bytes) {
    return bytes > host_eager_bytes_max ? remote_charge_min
                                        : std::max<std::size_t>(bytes, remote_charge_min);
}

}  // namespace

void HostPeer::establish(SecureStream stream, bool says_welcome) {
    stream_.emplace(std::move(stream));
    in_.emplace();
    poller_.watch(stream_->fd(), {Poller::Token::Kind::stream, static_cast<std::uint32_t>(rank_)},
                  {.readable = true});
    if (says_welcome) {
        // Before all that waits; nothing has been written yet, so there is room.
        HostFrameBytes welcome = encode_host_frame({.kind = HostFrameKind::welcome});
        const iovec view{welcome.data(), welcome.size()};
        try {
            if (stream_->try_write({&view, 1}) != welcome.size())
                fail(ErrorCode::system, "{}: a new connection has no room", name_);
        } catch (const Error& error) {
            break_off(error);
        }
    }
    introduce_fabric();
    write();
}

void HostPeer::read() {
    if (!stream_) return;
    // Of one that is broken all that has come is taken in.
    while (in_->advance(*stream_, *this)) {
        has_come_ = true;
        if (!broken_) break;
    }
    if (has_said_goodbye_)
        throw Error(ErrorCode::peer_lost, fmt::format("{} has left", name_), 0, rank_);
    // What it had sent before has been taken in.
    if (broken_) throw Error(*broken_);
}

void HostPeer::write() {
    if (!stream_ || broken_) return;
    try {
        (void)out_.flush(*stream_, [this](std::uint64_t number) { has_left(number); });
        if (out_.is_empty())
            for (auto& [context, flow] : flows_) tell_received(flow);
    } catch (const Error& error) {
        break_off(error);
    }
    watch_output();
}

void HostPeer::send(const HostFrame& frame, std::span<const Part> parts) {
    if (end_ || broken_) return;
    try {
        if (!stream_) {
            output_.begin(contexts_.counts.under_way);
            return out_.add(frame, parts);
        }
        out_.send(*stream_, frame, parts);
    } catch (const Error& error) {
        break_off(error);
    }
    watch_output();
}

// The peer may have sent something before it went, and why it went is known to who reads.
void HostPeer::break_off(const Error& error) {
    if (!broken_) broken_ = error;
    watch_output();
}

void HostPeer::watch_output() {
    if (!stream_) return;
    // What is broken can always be written: so whoever sleeps wakes, and read() says why.
    const bool wanted = broken_.has_value() || has_unsent();
    if (wanted)
        output_.begin(contexts_.counts.under_way);
    else
        output_.end();
    if (wanted == is_watching_output_) return;
    poller_.change(stream_->fd(), {Poller::Token::Kind::stream, static_cast<std::uint32_t>(rank_)},
                   {.readable = true, .writable = wanted});
    is_watching_output_ = wanted;
}

void HostPeer::end_by(const Error& why) {
    if (end_) return;
    const Error reason =
        has_said_goodbye_ ? Error(ErrorCode::peer_lost, fmt::format("{} has left", name_), 0, rank_)
                          : Error(why.code, why.what(), why.system_errno, rank_);
    end_ = reason;
    if (stream_) poller_.forget(stream_->fd());
    stream_.reset();
    in_.reset();
    out_.clear();
    output_.end();
    stop_pulls();
    stop_pushes();
    for (auto& [context, flow] : flows_) {
        for (RemoteSending* const sending : flow.held) sending->fail(reason);
        flow.held.clear();
    }
    for (auto& [number, sending] : announcements_) sending->fail(reason);
    announcements_.clear();
    const auto incoming = std::exchange(incoming_, {});
    for (const auto& [number, item] : incoming)
        if (item.message != nullptr && item.message->receiver != nullptr)
            contexts_.find(item.message->context)->lose(*item.message, reason);
    contexts_.end(rank_, reason);
    ++contexts_.counts.news;
}

void HostPeer::say_goodbye() {
    if (end_) return;
    send({.kind = HostFrameKind::goodbye});
}

HostPeer::Flow& HostPeer::flow_of(std::uint32_t context) {
    const auto found = flows_.find(context);
    if (found != flows_.end()) return found->second;
    Flow& flow = flows_[context];
    flow.context = context;
    flow.receivers = contexts_.find(context);
    flow.is_open = contexts_.is_open(context);
    if (!flow.is_open) ++unopened_flows_;
    return flow;
}

void HostPeer::open(std::uint32_t context) {
    const auto found = flows_.find(context);
    if (found != flows_.end() && !found->second.is_open) {
        found->second.is_open = true;
        --unopened_flows_;
        unopened_bytes_ -= found->second.here;
    }
    if (end_) contexts_.find(context)->end(rank_, *end_);
}

// Who has something with this rank hears of it; others when they send here.
void HostPeer::close(std::uint32_t context) {
    flows_.erase(context);
    if (!end_) send({.kind = HostFrameKind::leave, .context = context});
}

void HostPeer::set_lag(std::uint32_t context, std::size_t bytes) {
    Flow& flow = flow_of(context);
    flow.lag = std::min(bytes, remote_lag_bytes_max);
    release_held(flow);
}

bool HostPeer::has_room(const Flow& flow, std::size_t bytes) const {
    return flow.ahead == 0 || flow.ahead + bytes <= flow.lag;
}

void HostPeer::start(RemoteSending& sending, std::span<const Part> parts) {
    if (end_) return sending.fail(*end_);
    Flow& flow = flow_of(sending.frame.context);
    if (flow.left) return sending.fail(*flow.left);
    sending.peer = this;
    const std::size_t charge = charge_of(sending.frame.bytes);
    if (!flow.held.empty() || !has_room(flow, charge)) {
        sending.keep(parts);
        sending.stage = RemoteSending::Stage::held;
        flow.held.push_back(&sending);
        return let_go(flow);
    }
    flow.ahead += charge;
    if (!sending.is_long()) {
        send(sending.frame, parts);
        return sending.finish();
    }
    sending.keep(parts);
    announce(sending);
}

void HostPeer::announce(RemoteSending& sending) {
    if (can_offer(sending)) sending.frame.kind = HostFrameKind::offer;
    sending.frame.number = ++announced_;
    sending.stage = RemoteSending::Stage::announced;
    announcements_[announced_] = &sending;
    send(sending.frame);
}

void HostPeer::finish_sending(std::uint64_t number) {
    const auto place = announcements_.find(number);
    place->second->finish();
    announcements_.erase(place);
    ++contexts_.counts.news;
}

// Asks for credit, once, when somebody needs it.
void HostPeer::let_go(Flow& flow) {
    if (flow.held.empty() || flow.is_asking) return;
    flow.is_asking = true;
    send({.kind = HostFrameKind::held, .context = flow.context});
}

void HostPeer::release_held(Flow& flow) {
    while (!flow.held.empty()) {
        RemoteSending& sending = *flow.held.front();
        const std::size_t charge = charge_of(sending.frame.bytes);
        if (!has_room(flow, charge)) break;
        flow.held.pop_front();
        flow.ahead += charge;
        if (sending.is_long()) {
            announce(sending);
        } else {
            send(sending.frame, sending.kept());
            sending.finish();
        }
        ++contexts_.counts.news;
    }
    let_go(flow);
}

bool HostPeer::take_back(RemoteSending& sending) {
    switch (sending.stage) {
        case RemoteSending::Stage::held:
            flow_of(sending.frame.context).held.remove(&sending);
            break;
        case RemoteSending::Stage::announced:
            announcements_.erase(sending.frame.number);
            send({.kind = HostFrameKind::withdrawal, .number = sending.frame.number});
            break;
        case RemoteSending::Stage::leaving:
            return false;
        case RemoteSending::Stage::over:
            break;
    }
    sending.stage = RemoteSending::Stage::over;
    return true;
}

}  // namespace ipcrun
