// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reductions over hosts whose results do not depend on who is where: members get the values of all
/// others for their share of the elements, and combine them in the order of members.

#include "runtime/world/host_blocks.hpp"

namespace ipcrun {

/// All members call them with equal shapes, which was verified. Each value travels between hosts
/// by itself: reduce_over_hosts() and reduce_scatter_over_hosts() have one a host travel.
void reduce_exactly_over_hosts(const HostOperation& operation, const Collective& collective);
void reduce_scatter_exactly_over_hosts(const HostOperation& operation, const Collective& collective,
                                       const BlockCounts& counts);

}  // namespace ipcrun
