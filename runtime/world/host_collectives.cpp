// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_collectives.hpp"

#include "base/fail.hpp"

namespace ipcrun {

HostCollectives::HostCollectives(Wires& wires, const HostLayout& layout,
                                 std::unique_ptr<NodeCommunicator> node, std::uint32_t context)
    : wires_(wires),
      layout_(layout),
      node_(std::move(node)),
      remote_(wires.peers(), context, layout.ranks, layout.own) {}

HostCollectives::~HostCollectives() = default;

void HostCollectives::run(const Collective& collective, Deadline, CallSite) {
    fail(ErrorCode::unsupported, "{}", name_of(collective.kind));
}

Request HostCollectives::start(const Collective& collective, Deadline, CallSite) {
    fail(ErrorCode::unsupported, "{}", name_of(collective.kind));
}

}  // namespace ipcrun
