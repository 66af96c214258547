// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which NIC each rank of a host uses.

#include <span>
#include <vector>

#include "topology/machine.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

/// For each share an index into Machine::nics, -1 where there are none: the nearest to its GPU
/// (below one PCIe switch, below one host bridge, at one NUMA node, in one package), else to its
/// cores; of those the fastest, then those by the fewest bridges. Ranks that stand equally near to
/// several are cut into as many runs of neighbours, as even as it goes. NICs with less than a
/// quarter of the speed of the fastest, such as the one for administration, are taken only where
/// all are alike. Cost: O(ranks x NICs x cores).
std::vector<int> choose_nics(const Machine& machine, std::span<const Share> shares);

}  // namespace ipcrun::topology
