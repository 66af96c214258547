// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_requests.hpp"

#include <algorithm>

#include "base/fail.hpp"

namespace ipcrun {

using Verb = MessageCall::Verb;

MessageRequest::MessageRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, CallSite site)
    : kept_(parts, site), mailbox_(&mailbox) {}

Mailbox::Impl& MessageRequest::mailbox() const {
    if (mailbox_ == nullptr)
        fail(ErrorCode::usage, "wait for a message: its communicator is closed");
    return *mailbox_;
}

SendRequest::SendRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, int to, int tag,
                         CallSite site)
    : MessageRequest(mailbox, parts, site),
      sending_{{Verb::send, to, tag, kept_.site()}, kept_.parts(), {kept_.parts(), false}} {}

void SendRequest::start() {
    mailbox().check_call(sending_.call);
    const CallScope scope(mailbox().lookout, sending_.call);
    mailbox().lookout.count();
    mailbox().outbox.start(sending_);
    if (!sending_.done) mailbox().offered.push_back(&sending_);
}

bool SendRequest::check_done() {
    if (sending_.error) throw *sending_.error;
    return sending_.done;
}

bool SendRequest::test() {
    if (check_done()) return true;
    const CallScope scope(mailbox().lookout, sending_.call);
    mailbox().advance(nullptr);
    mailbox().fail_forsaken(sending_);
    return check_done();
}

bool SendRequest::wait(Deadline deadline) {
    if (check_done()) return true;
    const CallScope scope(mailbox().lookout, sending_.call);
    (void)mailbox().wait(sending_, deadline);
    return check_done();
}

ReceiveRequest::ReceiveRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, int from,
                               int tag, CallSite site)
    : MessageRequest(mailbox, parts, site),
      receiving_{{Verb::receive, from, tag, kept_.site()}, kept_.parts(), {kept_.parts(), true}} {}

void ReceiveRequest::start() {
    mailbox().check_call(receiving_.call);
    const CallScope scope(mailbox().lookout, receiving_.call);
    mailbox().lookout.count();
    mailbox().inbox.start(receiving_);
}

bool ReceiveRequest::check_done() {
    if (receiving_.error) throw *receiving_.error;
    return receiving_.done;
}

bool ReceiveRequest::test() {
    if (check_done()) return true;
    const CallScope scope(mailbox().lookout, receiving_.call);
    mailbox().advance(nullptr);
    mailbox().fail_forsaken(receiving_);
    return check_done();
}

bool ReceiveRequest::wait(Deadline deadline) {
    if (check_done()) return true;
    const CallScope scope(mailbox().lookout, receiving_.call);
    (void)mailbox().wait(receiving_, deadline);
    return check_done();
}

void Mailbox::Impl::drop_done() {
    std::erase_if(requests, [](const auto& request) { return request->is_done(); });
}

Request Mailbox::start_send(std::span<const Part> parts, int to, int tag, CallSite site) {
    auto request = std::make_shared<SendRequest>(*impl_, parts, to, tag, site);
    impl_->make_room();
    request->start();
    if (!request->is_done()) impl_->requests.push_back(request);
    return Request(std::move(request));
}

Request Mailbox::start_receive(std::span<const Part> parts, int from, int tag, CallSite site) {
    auto request = std::make_shared<ReceiveRequest>(*impl_, parts, from, tag, site);
    impl_->make_room();
    request->start();
    if (!request->is_done()) impl_->requests.push_back(request);
    return Request(std::move(request));
}

}  // namespace ipcrun
