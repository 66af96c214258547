// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Collective operations of the members of several hosts: each step is one among those of a host,
/// through their memory, or messages between hosts.

#include <memory>
#include <optional>

#include "runtime/node_communicator.hpp"
#include "runtime/world/host_engine.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/host_queue.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

class HostCollectives {
  public:
    /// `node`: of the members here, for nothing else. All but `node` outlive it.
    HostCollectives(Wires& wires, const HostLayout& layout, std::unique_ptr<NodeCommunicator> node,
                    std::uint32_t context)
        : node_(std::move(node)), engine_(wires, layout, *node_, context) {}

    /// See Communicator::run and start.
    void run(const Collective& collective, Deadline deadline, CallSite site);
    Request start(const Collective& collective, Deadline deadline, CallSite site);

  private:
    std::unique_ptr<NodeCommunicator> node_;
    HostEngine engine_;
    std::optional<HostQueue> queue_;  // once something has been started
};

}  // namespace ipcrun
