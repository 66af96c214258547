// SPDX-License-Identifier: Apache-2.0
#include "runtime/mailbox.hpp"

#include <algorithm>
#include <exception>

#include "base/fail.hpp"
#include "runtime/mailbox_impl.hpp"
#include "runtime/message_requests.hpp"

namespace ipcrun {

using Verb = MessageCall::Verb;

Mailbox::Mailbox(Group& group) : impl_(std::make_unique<Impl>(group)) {}

Mailbox::~Mailbox() {
    // In a child after fork() all of it belongs to the parent.
    if (!impl_->lookout.group().heap()->is_open()) return;
    for (const auto& request : impl_->requests) request->close();
    // What fails here is not given back, and nobody is left to be told: a member has failed, or has
    // written nonsense.
    const auto attempt = [](auto clean_up) {
        try {
            clean_up();
        } catch (const std::exception&) {
        }
    };
    for (Sending* sending : impl_->offered) attempt([&] { impl_->end(*sending); });
    attempt([&] { impl_->inbox.leave(); });
}

void Mailbox::Impl::make_room() {
    const auto grow = [](auto& list) {
        if (list.size() == list.capacity()) list.reserve(2 * list.size() + 4);
    };
    grow(offered);
    grow(requests);
}

// A receiver that has begun to copy reads memory that its owner may free presently.
void Mailbox::Impl::end(Sending& sending) {
    while (!outbox.withdraw(sending) && !lookout.group().has_given_up()) {
        outbox.advance(sending);
        if (sending.done) return;
        (void)lookout.wait(Deadline::never(), [&] { return outbox.can_advance(sending); });
    }
}

void Mailbox::Impl::check_call(const MessageCall& call) const {
    const int size = lookout.group().size();
    const bool sends = call.verb == Verb::send;
    if (call.peer >= size || call.peer < (sends ? 0 : any_source))
        fail(ErrorCode::usage, "{}: ranks are 0 to {}", call.describe(), size - 1);
    if (call.tag < (sends ? 0 : any_tag))
        fail(ErrorCode::usage, "{}: tags are 0 or more", call.describe());
}

void Mailbox::Impl::advance(const Receiving* wanted) {
    for (Sending* sending : offered) outbox.advance(*sending);
    std::erase_if(offered, [](const Sending* sending) { return sending->done; });
    inbox.advance(wanted);
    if (!requests.empty()) drop_done();
}

bool Mailbox::Impl::can_advance(int source) const {
    return inbox.can_advance(source) ||
           std::any_of(offered.begin(), offered.end(),
                       [this](const Sending* sending) { return outbox.can_advance(*sending); });
}

void Mailbox::Impl::fail_forsaken(Sending& sending) {
    const int to = sending.call.peer;
    if (sending.done || !lookout.has_departed(to) || !outbox.withdraw(sending)) return;
    std::erase(offered, &sending);
    sending.error = lookout.lost(sending.call, to);
}

void Mailbox::Impl::fail_forsaken(Receiving& receiving) {
    if (receiving.done || !lookout.is_forsaken(receiving.call.peer)) return;
    // It may have been seen to depart after the last look at what it sent.
    advance(&receiving);
    if (receiving.done || !inbox.close_post()) return;
    inbox.remove(receiving);
    receiving.error = lookout.lost(receiving.call, receiving.call.peer);
    receiving.done = true;
}

void Mailbox::Impl::fail_stuck(Sending& sending, Standoff& standoff) {
    standoff.tell();
    if (standoff.claim()) {
        if (!outbox.withdraw(sending)) return standoff.take_back();
        standoff.confirm();
        while (standoff.is_pending() && !lookout.has_departed(sending.call.peer))
            (void)lookout.wait(Deadline::never(), [&] { return !standoff.is_pending(); });
    } else if (!standoff.is_stuck() || !outbox.withdraw(sending)) {
        return;
    }
    sending.error = outbox.held_back(sending);
}

bool Mailbox::Impl::wait(Sending& sending, Deadline deadline, Standoff* standoff) {
    for (;;) {
        if (standoff != nullptr) standoff->look();
        advance(nullptr);
        fail_forsaken(sending);
        if (!sending.done && standoff != nullptr) fail_stuck(sending, *standoff);
        if (sending.done) return true;
        if (!lookout.wait(deadline, [&] {
                return can_advance(Mailbox::no_source) ||
                       (standoff != nullptr && standoff->has_news());
            }))
            return sending.done;
    }
}

bool Mailbox::Impl::wait(Receiving& receiving, Deadline deadline) {
    try {
        for (;;) {
            advance(&receiving);
            fail_forsaken(receiving);
            if (receiving.done) return true;
            inbox.post(receiving);
            const int source = receiving.call.peer;
            // A post that a sender is filling cannot be closed: it will be done.
            if (!lookout.wait(deadline, [&] { return can_advance(source); }) && inbox.close_post())
                return receiving.done;
        }
    } catch (...) {
        inbox.abandon_post();
        throw;
    }
}

void Mailbox::send(std::span<const Part> parts, int to, int tag, Deadline deadline, CallSite site) {
    Sending sending{{Verb::send, to, tag, site}, parts, {parts, false}};
    impl_->check_call(sending.call);
    const CallScope scope(impl_->lookout, sending.call);
    impl_->lookout.count();
    impl_->make_room();
    impl_->outbox.start(sending);
    if (sending.done) return;
    impl_->offered.push_back(&sending);
    struct Removal {
        Impl& impl;
        Sending& sending;
        ~Removal() {
            // After an error. What a receiver has taken meanwhile it copies from memory that is the
            // caller's again when this returns.
            try {
                if (!sending.done) impl.end(sending);
            } catch (const std::exception&) {
                // A member has failed, and was waited for: the first error tells why.
            }
            std::erase(impl.offered, &sending);
        }
    } removal{*impl_, sending};
    std::optional<Standoff> standoff;
    if (deadline.is_never()) standoff.emplace(impl_->lookout.group(), to, sending.number);
    while (!impl_->wait(sending, deadline, standoff ? &*standoff : nullptr)) {
        if (impl_->outbox.withdraw(sending)) throw impl_->lookout.timed_out(sending.call);
        deadline = Deadline::never();  // it is being received
    }
    if (sending.error) throw *sending.error;
}

void Mailbox::Impl::receive(Receiving& receiving, Deadline deadline) {
    check_call(receiving.call);
    const CallScope scope(lookout, receiving.call);
    lookout.count();
    inbox.start(receiving);
    struct Removal {
        Impl& impl;
        Receiving& receiving;
        ~Removal() {
            if (!receiving.done) impl.inbox.remove(receiving);
        }
    } removal{*this, receiving};
    if (!receiving.done && !wait(receiving, deadline)) throw lookout.timed_out(receiving.call);
    if (receiving.error) throw *receiving.error;
}

Envelope Mailbox::receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                          CallSite site) {
    Receiving receiving{{Verb::receive, from, tag, site}, parts, {parts, true}};
    impl_->receive(receiving, deadline);
    return receiving.message.envelope;
}

Message Mailbox::receive_message(int from, int tag, Deadline deadline, CallSite site) {
    Receiving receiving{{Verb::receive, from, tag, site}, {}, {{}, false}, true};
    impl_->receive(receiving, deadline);
    return std::move(receiving.message);
}

std::optional<Envelope> Mailbox::await_message(int from, int tag, Deadline deadline,
                                               CallSite site) {
    const MessageCall call{Verb::probe, from, tag, site};
    impl_->check_call(call);
    const CallScope scope(impl_->lookout, call);
    impl_->lookout.count();
    for (;;) {
        impl_->advance(nullptr);
        if (const auto found = impl_->inbox.find(from, tag)) return found;
        if (impl_->lookout.is_forsaken(from)) throw impl_->lookout.lost(call, from);
        if (deadline.has_passed() ||
            !impl_->lookout.wait(deadline, [&] { return impl_->can_advance(from); }))
            return std::nullopt;
    }
}

Envelope Mailbox::probe(int from, int tag, Deadline deadline, CallSite site) {
    if (const auto found = await_message(from, tag, deadline, site)) return *found;
    throw impl_->lookout.timed_out({Verb::probe, from, tag, site});
}

std::optional<Envelope> Mailbox::test_message(int from, int tag, CallSite site) {
    const MessageCall call{Verb::probe, from, tag, site};
    impl_->check_call(call);
    const CallScope scope(impl_->lookout, call);
    impl_->advance(nullptr);
    return impl_->inbox.find(from, tag);
}

bool Mailbox::is_forsaken(int from) const {
    return impl_->lookout.is_forsaken(from);
}

void Mailbox::set_lag(std::size_t bytes) {
    impl_->outbox.set_lag(bytes);
}

void Mailbox::progress() {
    impl_->lookout.check();
    impl_->advance(nullptr);
}

bool Mailbox::can_advance(int from) const {
    return impl_->can_advance(from);
}

void Mailbox::release(Group& group) {
    Inbox::release(group);
}

}  // namespace ipcrun
