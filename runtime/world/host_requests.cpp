// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_requests.hpp"

#include "base/fail.hpp"

namespace ipcrun {

HostMessages& HostRequest::messages() const {
    if (messages_ == nullptr)
        fail(ErrorCode::usage, "wait for a message: its communicator is closed");
    return *messages_;
}

bool HostRequest::settle() {
    if (is_settled_) return true;
    if (!is_over()) return false;
    error_ = error();
    is_settled_ = true;
    drop();
    return true;
}

void HostRequest::close() {
    if (!settle()) drop();
    messages_ = nullptr;
}

bool HostRequest::check() {
    if (!settle()) return false;
    if (error_) throw Error(*error_);
    return true;
}

bool HostRequest::test() {
    if (is_settled_) return check();
    messages().advance();
    return check();
}

bool HostRequest::wait(Deadline deadline) {
    if (is_settled_) return check();
    (void)messages().wait(deadline, [this] { return settle(); });
    return is_settled_ && check();
}

HostSendRequest::HostSendRequest(HostMessages& messages, const MessageCall& call,
                                 std::span<const Part> parts)
    : HostRequest(messages, parts, call.site),
      sending_(messages.remote().start_send(kept_.parts(), call.peer, call.tag)) {}

std::optional<Error> HostSendRequest::error() const {
    const Error* const error = sending_->error();
    return error == nullptr ? std::nullopt : std::optional(*error);
}

HostReceiveRequest::HostReceiveRequest(HostMessages& messages, const MessageCall& call,
                                       std::span<const Part> parts)
    : HostRequest(messages, parts, call.site) {
    MessageCall kept_call = call;
    kept_call.site = kept_.site();
    receive_.emplace(messages, kept_call, kept_.parts());
    receive_->enter();
}

void HostReceiveRequest::drop() {
    receive_.reset();
}

}  // namespace ipcrun
