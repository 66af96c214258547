// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The trees along which small values go over several hosts.

#include <span>

#include "runtime/world/host_layout.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

/// Between hosts by as few messages as there can be: one member of each hears a host above it, and
/// the others follow it. At most two children each. The same on all members, in the
/// numbers of members; the root is the first.
topology::Tree tree_over_hosts(const HostLayout& layout);

/// The launcher's tree, of a communicator of all ranks. `parents`: of each rank in the job.
topology::Tree planned_over_hosts(const HostLayout& layout, std::span<const int> parents);

}  // namespace ipcrun
