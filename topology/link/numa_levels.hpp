// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Levels of distance between the NUMA nodes of a machine, as its firmware tells them.

#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Nodes that are no farther than this from each other.
struct NumaLevel {
    double distance = 0;
    std::vector<int> cluster_of;  ///< by node, from 1
};

struct NumaLevels {
    /// Ascending, without the last, which is that of all. Distances at which "no farther from each
    /// other" puts nobody into two clusters; others count as the next larger one.
    std::vector<NumaLevel> levels;
    double farthest = 0;  ///< of two nodes; 0: unknown, or there are no two
};

/// Of nodes in one package, never joining two packages; or, across, of nodes in different packages,
/// with all of a package together.
NumaLevels numa_levels(const Machine& machine, bool across);

}  // namespace ipcrun::topology
