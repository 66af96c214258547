// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_receive.hpp"

#include "base/fail.hpp"

namespace ipcrun {

void HostReceive::enter() {
    const bool is_abroad = call_.peer != any_source && !messages_.layout().is_here(call_.peer);
    if (is_abroad && !messages_.has_line())
        abroad_ = messages_.remote().start_receive(parts_, call_.peer, call_.tag);
    messages_.enter(*this);
    has_entered_ = true;
}

void HostReceive::advance() {
    if (is_done_) return;
    if (abroad_ != nullptr) return hear_abroad();
    look();
}

void HostReceive::hear_abroad() {
    if (!abroad_->is_done()) return;
    if (const Error* const error = abroad_->error()) {
        error_ = *error;
    } else if (parts_) {
        message_.envelope = abroad_->envelope();
    } else {
        message_ = abroad_->take();
    }
    is_done_ = true;
}

void HostReceive::look() {
    // In this order: who had gone when it was looked at has sent what is not found never.
    const bool is_lost = messages_.is_forsaken(call_.peer);
    if (const auto found = messages_.find(call_.peer, call_.tag, call_.site))
        return take_from(*found);
    if (!is_lost) return;
    error_ = messages_.lost(call_);
    is_done_ = true;
}

void HostReceive::take_from(const Envelope& found) {
    if (messages_.layout().is_here(found.source)) return take_here(found);
    abroad_ = messages_.remote().start_receive(parts_, found.source, found.tag);
    hear_abroad();
}

void HostReceive::take_here(const Envelope& found) {
    Mailbox& mailbox = messages_.node().mailbox;
    const int local = messages_.layout().local(found.source);
    try {
        if (parts_) {
            message_.envelope = messages_.renamed(
                mailbox.receive(*parts_, local, found.tag, Deadline::never(), call_.site));
        } else {
            message_ = mailbox.receive_message(local, found.tag, Deadline::never(), call_.site);
            message_.envelope = messages_.renamed(message_.envelope);
        }
    } catch (const Error& error) {
        error_ = error;
    }
    is_done_ = true;
}

Error HostReceive::timed_out() const {
    const bool is_any = call_.peer == any_source;
    return Error(ErrorCode::timeout,
                 fmt::format("{}: timed out waiting for {}", call_.describe(),
                             is_any ? "any rank" : messages_.name_of(call_.peer)),
                 0, is_any ? std::nullopt : std::optional(call_.peer));
}

}  // namespace ipcrun
