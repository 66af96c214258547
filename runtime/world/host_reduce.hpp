// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Broadcast and reduce over hosts: along a binomial tree of those who speak for them.

#include "runtime/world/host_operation.hpp"

namespace ipcrun {

/// All members call them with equal shapes, which was verified.
void broadcast_over_hosts(const HostOperation& operation, std::span<const Part> parts, int root);
void reduce_over_hosts(const HostOperation& operation, std::span<const Part> from,
                       std::span<const Part> to, Op op, int root);

}  // namespace ipcrun
