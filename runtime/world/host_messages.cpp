// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_messages.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "runtime/world/host_receive.hpp"
#include "runtime/world/host_requests.hpp"

namespace ipcrun {

using Verb = MessageCall::Verb;

HostMessages::HostMessages(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
                           std::uint32_t context)
    : wires_(wires),
      layout_(layout),
      node_(node),
      remote_(wires.peers(), context, layout.ranks, layout.own),
      alert_seen_(node.group.alert() - 1),
      bells_{&node.group.member(node.group.rank()).mail, &wires.bell()} {}

HostMessages::~HostMessages() {
    for (const auto& request : requests_) request->close();
}

// The texts of errors name members as users do.
void HostMessages::check_peer(const MessageCall& call) const {
    const bool sends = call.verb == Verb::send;
    if (call.peer >= layout_.size() || call.peer < (sends ? 0 : any_source))
        fail(ErrorCode::usage, "{}: ranks are 0 to {}", call.describe(), layout_.size() - 1);
    if (call.tag < (sends ? 0 : any_tag))
        fail(ErrorCode::usage, "{}: tags are 0 or more", call.describe());
}

Envelope HostMessages::renamed(Envelope envelope) const {
    envelope.source = layout_.here()[index(envelope.source)];
    return envelope;
}

void HostMessages::advance() {
    wires_.look();
    node_.mailbox.progress();
    // A receive may end, and leave the line.
    for (auto next = line_.begin(); next != line_.end();) (*next++)->advance();
    std::erase_if(requests_, [](const auto& request) { return request->settle(); });
}

void HostMessages::send(std::span<const Part> parts, int to, int tag, Deadline deadline,
                        CallSite site) {
    const MessageCall call{Verb::send, to, tag, site};
    check_peer(call);
    if (is_here(to)) return node_.mailbox.send(parts, layout_.local(to), tag, deadline, site);
    const Wires::Leaving leaving{wires_};
    const auto sending = remote_.start_send(parts, to, tag);
    if (!sending->is_done() && !wait(deadline, [&] { return sending->is_done(); }))
        throw Error(ErrorCode::timeout,
                    fmt::format("{}: timed out waiting for {}", call.describe(), name_of(to)), 0,
                    to);
    if (const Error* const error = sending->error()) throw Error(*error);
}

// Waits in line, also for a message of one member, where others wait already.
void HostMessages::wait_in_line(HostReceive& receive, Deadline deadline) {
    receive.enter();
    if (!wait(deadline, [&] { return receive.is_done(); })) throw receive.timed_out();
    if (receive.error()) throw Error(*receive.error());
}

Envelope HostMessages::receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                               CallSite site) {
    const MessageCall call{Verb::receive, from, tag, site};
    check_peer(call);
    if (goes_straight(from) && is_here(from))
        return renamed(node_.mailbox.receive(parts, layout_.local(from), tag, deadline, site));
    HostReceive receive(*this, call, parts);
    wait_in_line(receive, deadline);
    return receive.envelope();
}

Message HostMessages::receive_message(int from, int tag, Deadline deadline, CallSite site) {
    const MessageCall call{Verb::receive, from, tag, site};
    check_peer(call);
    if (goes_straight(from) && is_here(from)) {
        Message message = node_.mailbox.receive_message(layout_.local(from), tag, deadline, site);
        message.envelope = renamed(message.envelope);
        return message;
    }
    HostReceive receive(*this, call, std::nullopt);
    wait_in_line(receive, deadline);
    return receive.take();
}

std::optional<Envelope> HostMessages::find(int from, int tag, CallSite site) {
    const auto here = [&]() -> std::optional<Envelope> {
        if (from != any_source && !is_here(from)) return std::nullopt;
        const int local = from == any_source ? any_source : layout_.local(from);
        const auto found = node_.mailbox.test_message(local, tag, site);
        if (!found) return std::nullopt;
        return renamed(*found);
    };
    const auto abroad = [&]() -> std::optional<Envelope> {
        if (from != any_source && is_here(from)) return std::nullopt;
        return remote_.find(from, tag);
    };
    looks_abroad_first_ = !looks_abroad_first_;
    if (looks_abroad_first_) {
        const auto found = abroad();
        return found ? found : here();
    }
    const auto found = here();
    return found ? found : abroad();
}

Envelope HostMessages::probe(int from, int tag, Deadline deadline, CallSite site) {
    const MessageCall call{Verb::probe, from, tag, site};
    check_peer(call);
    std::optional<Envelope> found;
    bool is_lost = false;
    const auto look = [&] {
        // In this order: who had gone when it was looked at has sent what is not found never.
        is_lost = is_forsaken(from);
        found = find(from, tag, site);
        return found || is_lost;
    };
    if (!wait(deadline, look, from))
        throw Error(ErrorCode::timeout, fmt::format("{}: timed out", call.describe()), 0,
                    from == any_source ? std::nullopt : std::optional(from));
    if (!found) throw lost(call);
    return *found;
}

std::optional<Envelope> HostMessages::test_message(int from, int tag, CallSite site) {
    const MessageCall call{Verb::probe, from, tag, site};
    check_peer(call);
    advance();
    return find(from, tag, site);
}

bool HostMessages::has_come_here(std::optional<int> from) const {
    const auto can_advance = [this](int source) {
        if (source != any_source)
            source = is_here(source) ? layout_.local(source) : Mailbox::no_source;
        return node_.mailbox.can_advance(source);
    };
    return node_.mailbox.can_advance(Mailbox::no_source) || (from && can_advance(*from)) ||
           std::ranges::any_of(line_, [&](const HostReceive* receive) {
               return !receive->is_done() && can_advance(receive->from());
           });
}

bool HostMessages::is_forsaken(int from) const {
    if (from != any_source)
        return is_here(from) ? node_.mailbox.is_forsaken(layout_.local(from))
                             : remote_.is_forsaken(from);
    const bool is_alone_here = node_.size() == 1;
    return (is_alone_here || node_.mailbox.is_forsaken(any_source)) &&
           remote_.is_forsaken(any_source);
}

Error HostMessages::lost(const MessageCall& call) const {
    if (call.peer == any_source)
        return Error(ErrorCode::peer_lost,
                     fmt::format("{}: all other ranks have left", call.describe()));
    return Error(ErrorCode::peer_lost,
                 fmt::format("{}: {} has left", call.describe(), name_of(call.peer)), 0, call.peer);
}

Request HostMessages::start_send(std::span<const Part> parts, int to, int tag, CallSite site) {
    const MessageCall call{Verb::send, to, tag, site};
    check_peer(call);
    if (is_here(to)) return node_.mailbox.start_send(parts, layout_.local(to), tag, site);
    return keep(std::make_shared<HostSendRequest>(*this, call, parts));
}

Request HostMessages::start_receive(std::span<const Part> parts, int from, int tag, CallSite site) {
    const MessageCall call{Verb::receive, from, tag, site};
    check_peer(call);
    if (goes_straight(from) && is_here(from))
        return node_.mailbox.start_receive(parts, layout_.local(from), tag, site);
    return keep(std::make_shared<HostReceiveRequest>(*this, call, parts));
}

Request HostMessages::keep(std::shared_ptr<HostRequest> request) {
    if (!request->settle()) requests_.push_back(request);
    wires_.leave();
    return Request(std::move(request));
}

void HostMessages::set_lag(std::size_t bytes) {
    node_.mailbox.set_lag(bytes);
    remote_.set_lag(bytes);
}

}  // namespace ipcrun
