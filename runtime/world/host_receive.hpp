// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One receive of a communicator of several hosts, from its call until it has its message: it looks
/// into memory and into streams, and takes the first message that it finds there.

#include <memory>
#include <optional>
#include <span>

#include "runtime/world/host_messages.hpp"

namespace ipcrun {

class HostReceive {
  public:
    /// Into `parts`, or (nullopt) of any size into memory of its own. Borrows the parts and what
    /// `call` names.
    HostReceive(HostMessages& messages, const MessageCall& call,
                std::optional<std::span<const Part>> parts)
        : messages_(messages), call_(call), parts_(parts) {}
    HostReceive(const HostReceive&) = delete;
    /// A message that was on its way here stays for others.
    ~HostReceive() {
        if (has_entered_) messages_.leave(*this);
    }

    /// Gets in line. Alone there and from a member on another host it is known to the stream at
    /// once, so that its message goes where it belongs.
    void enter();
    /// Takes what it can have. Throws when a member on this host has failed.
    void advance();

    int from() const { return call_.peer; }
    bool is_done() const { return is_done_; }
    const std::optional<Error>& error() const { return error_; }
    Envelope envelope() const { return message_.envelope; }
    Message take() { return std::move(message_); }
    Error timed_out() const;

  private:
    void look();
    void take_from(const Envelope& found);
    void take_here(const Envelope& found);
    void hear_abroad();

    HostMessages& messages_;
    MessageCall call_;
    std::optional<std::span<const Part>> parts_;
    std::unique_ptr<RemoteMailbox::Receiving> abroad_;  // it has one there
    Message message_;
    std::optional<Error> error_;
    bool has_entered_ = false;
    bool is_done_ = false;
};

}  // namespace ipcrun
