// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The allreduce of members on several hosts: first among those of each host, then between hosts in
/// lanes that go side by side, then back.

#include <span>

#include "runtime/part.hpp"
#include "runtime/reduce.hpp"
#include "runtime/world/host_steps.hpp"

namespace ipcrun {

class HostAllreduce {
  public:
    /// `node`: of the members here. Both outlive it.
    HostAllreduce(HostSteps& steps, NodeCommunicator& node);

    /// Combines the parts in place, of any dtypes and strides. All members call it with the same
    /// shapes, which was verified. The deadline is that of the steps. `tag`: the first of `tags`
    /// numbers of messages that are this operation's alone.
    void run(std::span<const Part> parts, Op op, int tag, CallSite site);
    static constexpr int tags = 256;

  private:
    HostSteps& steps_;
    NodeCommunicator& node_;
};

}  // namespace ipcrun
