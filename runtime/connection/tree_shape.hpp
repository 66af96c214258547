// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who is whose child in a tree of nodes that met by connections.

#include <span>
#include <vector>

namespace ipcrun {

/// The parent of each node; -1 for node 0, which is the root. `host_of[i]`: any number, equal for
/// nodes that are known to be on one host. Each node has `children_max` children at most, the root
/// one more where that keeps hosts apart. Deterministic. Cost: 0.1 s for 65,536 nodes.
std::vector<int> shape_tree(std::span<const int> host_of, int children_max);

}  // namespace ipcrun
