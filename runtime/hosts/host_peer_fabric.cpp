// SPDX-License-Identifier: Apache-2.0
// Bodies that go by fabric. Each end says on the stream how its own is reached. A long message is
// offered; its receiver posts where it wants the body, under a random tag, and pulls, then tells
// that it has arrived. Until then its sender keeps it, for whatever goes wrong with the fabric, the
// receiver requests the body by the stream, and the two use the fabric no more.
#include <array>
#include <cstring>

#include "base/bytes.hpp"
#include "runtime/hosts/host_peer.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

namespace {

// For a transfer that nothing depends on any more to end.
constexpr std::chrono::seconds stuck_time_max{1};
constexpr std::size_t fabric_views_max = 16;

// Nobody but the two that learn it from their stream puts anything where it is received.
std::uint64_t random_tag() {
    const Key key = Key::random();
    std::uint64_t result;
    std::memcpy(&result, key.bytes.data(), sizeof result);
    return result;
}

// What the fabric can take: the whole body in few views.
template <typename Parts>
std::span<const iovec> whole_views(Parts& parts, std::span<iovec> room, std::uint64_t bytes) {
    const std::size_t count = parts.look(room);
    std::uint64_t described = 0;
    for (const iovec& view : room.first(count)) described += view.iov_len;
    return described == bytes ? std::span<const iovec>(room.first(count))
                              : std::span<const iovec>();
}

std::size_t views_max_of(const Fabric& fabric) {
    return std::min(fabric.views_max(), fabric_views_max);
}

}  // namespace

void HostPeer::introduce_fabric() {
    const Fabric* const fabric = fabric_.get();
    if (fabric == nullptr) return;
    Encoder body;
    body.string(fabric->provider());
    const auto address = fabric->address();
    body.bytes({reinterpret_cast<const char*>(address.data()), address.size()});
    Bytes bytes = body.take();
    const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
    send({.kind = HostFrameKind::fabric, .bytes = bytes.size()}, {&part, 1});
}

void HostPeer::hear_fabric(std::span<const std::byte> body) {
    if (std::exchange(has_heard_fabric_, true))
        fail(ErrorCode::protocol, "{}: it tells its fabric for a second time", name_);
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
    Decoder in(bytes);
    const std::string provider = in.string();
    const auto address = bytes.subspan(sizeof(std::uint32_t) + provider.size());
    Fabric* const fabric = fabric_.get();
    if (fabric == nullptr || provider != fabric->provider()) return;
    try {
        fabric_peer_ = fabric->add_peer(address);
    } catch (const Error&) {
        // It cannot be reached by fabric, and is by its stream.
    }
}

bool HostPeer::can_offer(const RemoteSending& sending) const {
    const Fabric* const fabric = fabric_.get();
    if (!fabric_peer_ || fabric == nullptr || sending.frame.bytes > fabric->bytes_max())
        return false;
    PartsSource source(sending.kept());
    std::array<iovec, fabric_views_max> room;
    return !whole_views(source, std::span(room).first(views_max_of(*fabric)), sending.frame.bytes)
                .empty();
}

// False where the stream has to do.
bool HostPeer::pull(RemoteMessage& message, Incoming& item) {
    Fabric* const fabric = fabric_.get();
    if (!item.is_offered || !fabric_peer_ || fabric == nullptr || item.left > fabric->bytes_max())
        return false;
    std::array<iovec, fabric_views_max> room;
    const auto views =
        whole_views(message, std::span(room).first(views_max_of(*fabric)), item.left);
    if (views.empty()) return false;
    const std::uint64_t tag = random_tag() & fabric->tag_mask();
    FabricUse::Flight flight(fabric_, fabric->receive(*fabric_peer_, tag, views));
    if (flight.has_failed()) return false;
    pulls_.try_emplace(message.number, Pull{std::move(flight), tag, &message});
    send({.kind = HostFrameKind::pull, .number = message.number, .bytes = tag});
    return true;
}

void HostPeer::hear_pull(const HostFrame& frame) {
    if (frame.number > announced_)
        fail(ErrorCode::protocol, "{}: it pulls what was never announced", name_);
    const auto found = announcements_.find(frame.number);
    if (found == announcements_.end()) return;  // it has been taken back
    RemoteSending& sending = *found->second;
    if (sending.stage != RemoteSending::Stage::announced ||
        sending.frame.kind != HostFrameKind::offer)
        fail(ErrorCode::protocol, "{}: it pulls what it may not", name_);
    Fabric* const fabric = fabric_.get();
    // This rank has retreated, and the other asks for it by the stream when it hears that.
    if (!fabric_peer_ || fabric == nullptr) return;
    sending.stage = RemoteSending::Stage::leaving;
    Push& push = pushes_.try_emplace(frame.number, Push{PartsSource(sending.kept())}).first->second;
    std::array<iovec, fabric_views_max> room;
    const auto views =
        whole_views(push.source, std::span(room).first(views_max_of(*fabric)), sending.frame.bytes);
    push.flight.emplace(fabric_, fabric->send(*fabric_peer_, frame.bytes, views));
    if (push.flight->is_over()) fabric_.note_news();
}

void HostPeer::hear_arrival(const HostFrame& frame) {
    const auto push = pushes_.find(frame.number);
    if (push == pushes_.end() || push->second.is_requested)
        fail(ErrorCode::protocol, "{}: it has what it has not pulled", name_);
    release_push(frame.number, push->second);
}

// All of it has left by the stream.
void HostPeer::has_left(std::uint64_t number) {
    const auto push = pushes_.find(number);
    if (push == pushes_.end()) return finish_sending(number);
    release_push(number, push->second);
}

// The parts are free when the fabric has done with them, too.
void HostPeer::release_push(std::uint64_t number, Push& push) {
    if (push.is_needed) push.since = Clock::now();
    push.is_needed = false;
    if (!push.flight->is_over()) return;
    pushes_.erase(number);
    finish_sending(number);
}

bool HostPeer::has_stuck_flight(Clock::time_point now) const {
    for (const auto& [number, push] : pushes_)
        if (!push.is_needed && !push.flight->is_over() && now - push.since >= stuck_time_max)
            return true;
    return false;
}

void HostPeer::look_at_flights() {
    if (end_) return;
    bool has_failed = fabric_.get() == nullptr;
    std::vector<std::uint64_t> landed, left;
    for (const auto& [number, pull] : pulls_) {
        if (pull.flight.has_failed()) has_failed = true;
        if (pull.flight.is_over()) landed.push_back(number);
    }
    for (const auto& [number, push] : pushes_) {
        if (push.is_needed && push.flight->has_failed()) has_failed = true;
        if (!push.is_needed && push.flight->is_over()) left.push_back(number);
    }
    for (const std::uint64_t number : landed) land(pulls_.extract(number));
    for (const std::uint64_t number : left) {
        pushes_.erase(number);
        finish_sending(number);
    }
    if (has_failed) retreat();
}

HostPeer::Pulls::node_type HostPeer::stop_pull(std::uint64_t number) {
    const auto pull = pulls_.find(number);
    if (pull == pulls_.end()) return {};
    pull->second.flight.stop();
    return pulls_.extract(pull);
}

// One that is over: its message is whole, or its body is requested by the stream.
void HostPeer::land(Pulls::node_type pull) {
    const std::uint64_t number = pull.key();
    if (pull.mapped().flight.has_failed()) return request(number);
    send({.kind = HostFrameKind::arrival, .number = number});
    const auto item = incoming_.find(number);
    const std::uint64_t bytes = item->second.left;
    incoming_.erase(item);
    has_come_ = true;
    RemoteMessage* const message = pull.mapped().message;
    if (message == nullptr) return;
    message->advance(bytes);
    contexts_.find(message->context)->complete(*message);
}

// Its receiver goes away. The same body, under the same tag, comes to memory of its own: it may be
// on its way.
void HostPeer::halt(RemoteMessage& message) {
    const auto place = pulls_.find(message.number);
    if (place == pulls_.end() || message.storage) return;
    const Pulls::node_type pull = stop_pull(message.number);
    Fabric* const fabric = fabric_.get();
    if (!pull.mapped().flight.has_failed()) {
        send({.kind = HostFrameKind::arrival, .number = message.number});
        incoming_.erase(message.number);
        message.advance(message.bytes);
        return;
    }
    message.keep();
    if (fabric != nullptr && fabric_peer_) {
        const iovec view{message.storage->data(), message.bytes};
        FabricUse::Flight again(fabric_,
                                fabric->receive(*fabric_peer_, pull.mapped().tag, {&view, 1}));
        if (!again.has_failed()) {
            pulls_.try_emplace(message.number, Pull{std::move(again), pull.mapped().tag, &message});
            return;
        }
    }
    request(message.number);
}

void HostPeer::stop_pulls() {
    std::vector<std::uint64_t> numbers;
    for (auto& [number, pull] : pulls_) {
        pull.flight.cancel();
        numbers.push_back(number);
    }
    for (const std::uint64_t number : numbers) {
        Pulls::node_type pull = stop_pull(number);
        if (!end_ || !pull.mapped().flight.has_failed()) land(std::move(pull));
    }
}

// Of a peer that is gone.
void HostPeer::stop_pushes() {
    for (auto& [number, push] : pushes_) push.flight->cancel();
    for (auto& [number, push] : pushes_) {
        push.flight->stop();
        if (!push.is_needed) finish_sending(number);
    }
    pushes_.clear();
    if (fabric_peer_ && fabric_.get() != nullptr) fabric_.get()->remove_peer(*fabric_peer_);
    fabric_peer_.reset();
}

void HostPeer::retreat() {
    if (!fabric_peer_) return;
    fabric_peer_.reset();
    send({.kind = HostFrameKind::retreat});
    stop_pulls();
}

// What it pulls it requests by the stream by itself.
void HostPeer::hear_retreat() {
    fabric_peer_.reset();
    stop_pulls();
}

}  // namespace ipcrun
