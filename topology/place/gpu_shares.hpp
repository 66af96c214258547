// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Shares of ranks that work with GPUs: whose GPU is which, and the cores near to it.

#include <vector>

#include "topology/machine.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

/// Shares for `ranks` ranks, each with a GPU of `machine`, which has some. Ranks stand along the
/// machine, by the places of their GPUs. Fewer ranks than GPUs: their GPUs are in as many packages,
/// NUMA nodes and branches of PCI as possible. More: each GPU has ceil or floor of ranks / GPUs
/// neighbouring ones. A core goes to the GPU that is nearest to it; where several are, to those
/// whose ranks have the fewest cores. Ranks of one GPU have neighbouring cores of it. No core
/// serves more ranks than ceil of ranks / cores of the machine: nearness gives way to that.
///
/// Cost: O(cores x (ranks + log cores) + ranks x GPUs), and where ranks must share cores that times
/// the distances that the machine knows.
std::vector<Share> shares_near_gpus(const Machine& machine, int ranks);

/// Gives each share a GPU, evenly, where the shares are settled: near ones first.
/// Cost: O((cores of all shares + ranks x log) x GPUs).
void give_gpus(const Machine& machine, std::vector<Share>& shares);

}  // namespace ipcrun::topology
