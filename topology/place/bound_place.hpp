// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a share means for a rank: its CPUs, memory and threads under a binding.

#include <vector>

#include "topology/machine.hpp"
#include "topology/place/placement.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

/// All hardware threads of these cores (indices into Machine::cores, never empty), the memory of
/// their NUMA nodes, and what they have in common. A host with one node needs no memory policy.
Place place_on_cores(const Machine& machine, const std::vector<int>& cores);

/// A place for each share. Ranks whose shares begin at one core take its hardware threads in turn
/// where they are bound to threads. A quota lowers the threads.
/// Cost: O(ranks), and for l3, numa, package and none x cores.
std::vector<Place> bound_places(const Machine& machine, const std::vector<Share>& shares,
                                BindTo bind_to);

/// What the quota leaves of `threads` on a machine with so many ranks.
int threads_within_quota(const Machine& machine, int ranks, int threads);

}  // namespace ipcrun::topology
