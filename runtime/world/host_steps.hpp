// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What collective operations over hosts are made of, between hosts: messages that block, with the
/// deadline of the operation.

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

/// One member's. Members are numbered as in the communicator, those named are on other hosts. Used
/// by one thread at a time. Calls throw Error: peer_lost (whom it waits for, or a member here, has
/// failed, left, or given up), timeout, mismatch (the message has another size or dtype).
class HostSteps {
  public:
    using SendingPtr = std::unique_ptr<RemoteMailbox::Sending>;
    using ReceivingPtr = std::unique_ptr<RemoteMailbox::Receiving>;

    /// All outlive it. `node`: of the members here; while this one waits it notices when one of
    /// them fails.
    HostSteps(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
              std::uint32_t context);

    /// What follows belongs to an operation with this deadline. Who is nearest to what it waits for
    /// in vain is to give up first, and say so: members of a host who wait for each other to come
    /// by then, who waits for another host a little later, and those here who wait for that one
    /// last.
    void begin(Deadline deadline) {
        deadline_ = deadline;
        abroad_deadline_ = deadline.later(patience_step);
        here_deadline_ = deadline.later(2 * patience_step);
    }
    Deadline deadline() const { return deadline_; }
    Deadline here_deadline() const { return here_deadline_; }
    const HostLayout& layout() const { return layout_; }

    void send(std::span<const Part> parts, int to, int tag);
    void receive(std::span<const Part> parts, int from, int tag);
    Message receive_message(int from, int tag);

    /// Without waiting: see RemoteMailbox. To be waited for, or dropped, before this goes.
    SendingPtr start_send(std::span<const Part> parts, int to, int tag) {
        partners_.insert(to);
        return remote().start_send(parts, to, tag);
    }
    ReceivingPtr start_receive(std::optional<std::span<const Part>> parts, int from, int tag) {
        partners_.insert(from);
        return remote().start_receive(parts, from, tag);
    }
    void wait(const RemoteMailbox::Sending& sending, int to);
    void wait(const RemoteMailbox::Receiving& receiving, int from);
    RemoteMailbox& remote() { return *remote_; }

    /// Before anything but these steps is waited for: what is under way goes on.
    void leave() { wires_.leave(); }
    Wires::Leaving leaving() { return {wires_}; }

    /// The members that it has exchanged messages with, or tried to.
    const std::set<int>& partners() const { return partners_; }
    /// This member takes part no more: who waits for it elsewhere is told, after all that it has
    /// sent. Nothing else is called afterwards.
    void close() { remote_.reset(); }

  private:
    template <typename Operation>
    void wait_for(const Operation& operation, int other);

    Wires& wires_;
    const HostLayout& layout_;
    NodeCommunicator& node_;
    std::optional<RemoteMailbox> remote_;
    std::set<int> partners_;
    // Longer than hosts that share a machine hear of a failure.
    static constexpr Seconds patience_step{0.1};
    Deadline deadline_ = Deadline::never();
    Deadline abroad_deadline_ = Deadline::never(), here_deadline_ = Deadline::never();
    std::uint32_t alert_seen_;
    std::vector<Bell*> bells_;
};

}  // namespace ipcrun
