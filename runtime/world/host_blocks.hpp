// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Operations over hosts that move blocks, one a member: what those of a host give or get travels
/// between hosts as one message.

#include <vector>

#include "runtime/world/host_operation.hpp"

namespace ipcrun {

/// Elements of each member's block. Members agree on them.
using BlockCounts = std::vector<std::size_t>;

/// A run of one block a member, in the order of members.
class Blocks {
  public:
    /// `whole` is not strided.
    Blocks(const HostLayout& layout, const Part& whole, const BlockCounts& counts);
    /// Where those of a host lie, in the order of its members.
    std::vector<Part> of_host(int host) const;
    std::size_t count_of_host(int host) const;

  private:
    const HostLayout& layout_;
    Part whole_;
    std::vector<std::size_t> starts_;  // of each member's block, and of what would follow
};

void allgather_over_hosts(const HostOperation& operation, const Collective& collective,
                          const BlockCounts& counts);
void gather_over_hosts(const HostOperation& operation, const Collective& collective,
                       const BlockCounts& counts);
void scatter_over_hosts(const HostOperation& operation, const Collective& collective,
                        const BlockCounts& counts);
void reduce_scatter_over_hosts(const HostOperation& operation, const Collective& collective,
                               const BlockCounts& counts);

}  // namespace ipcrun
