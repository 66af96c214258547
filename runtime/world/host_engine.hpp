// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Runs the collective operations of a communicator over hosts, one after the other.

#include "runtime/world/host_agreement.hpp"
#include "runtime/world/host_allreduce.hpp"
#include "runtime/world/host_failures.hpp"
#include "runtime/world/host_steps.hpp"

namespace ipcrun {

/// Used by one thread at a time.
class HostEngine {
  public:
    /// All outlive it. `node`: of the members here, for nothing else.
    HostEngine(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
               std::uint32_t context);
    HostEngine(const HostEngine&) = delete;

    /// Throws Error{usage} for a call that makes no sense. Any thread.
    void check(const Collective& collective) const;
    /// Throws why nothing works any more, if that is so.
    void check_usable() const { failures_.check_usable(); }
    /// See Communicator::run.
    void run(const Collective& collective, Deadline deadline, CallSite site);

    /// This member cannot go on with `collective`, which others wait for: throws `error`, and so
    /// does everything later.
    [[noreturn]] void give_up(const Collective& collective, CallSite site, const Error& error);
    /// Any thread: what is under way ends with an error, for this member has it go (peer_lost), or
    /// will not wait any longer (timeout).
    void interrupt(ErrorCode code) const { node_.group.interrupt(code); }
    Group& group() const { return node_.group; }

  private:
    void move(const HostOperation& operation, const Collective& collective);

    const HostLayout& layout_;
    NodeCommunicator& node_;
    HostSteps steps_;
    HostAllreduce allreduce_;
    HostFailures failures_;
    HostAgreement agreement_;
    std::uint32_t sequence_ = 0;
};

}  // namespace ipcrun
