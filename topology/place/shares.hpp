// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which cores of a machine each rank of a host gets: even, disjoint shares where the counts allow
/// it. What a rank is bound to by its share is said by bound_place.hpp.

#include <vector>

#include "topology/machine.hpp"
#include "topology/place/mapping.hpp"

namespace ipcrun::topology {

/// What one rank gets.
struct Share {
    std::vector<int> cores;  ///< indices into Machine::cores, never empty; near its GPU first
    bool owned = true;       ///< no other rank has these cores
    int thread = -1;         ///< only this one, an index into Core::cpus; -1: whole cores
    int gpu = -1;            ///< index into Machine::gpus; -1: none

    bool operator==(const Share&) const = default;
};

/// Indices of all cores.
std::vector<int> all_cores(const Machine& machine);

/// Cuts `cores` (ascending, never empty) into shares of neighbours for `ranks` ranks, at least 1.
/// Shares differ by one core at most, and end where packages, NUMA nodes and caches do if that is
/// possible. With fewer cores than ranks, neighbouring ranks have one core together.
/// Cost: O(ranks x remainder of cores / ranks); O(cores) where that is more than some millions, and
/// then shares end anywhere.
std::vector<Share> cut_into_shares(const Machine& machine, const std::vector<int>& cores,
                                   int ranks);

/// How many objects of a kind have cores that we may use; of GPUs, how many there are.
int objects_on(const Machine& machine, Object object);

/// One rank to each package, NUMA node, ... and then the second to each: rank i to object i modulo
/// their number. Ranks of one object cut its cores among them. Neither `host` nor `gpu`.
std::vector<Share> deal_to_objects(const Machine& machine, Object object, int ranks);

/// `count` ranks to each object, object by object. Neither `host` nor `gpu`.
std::vector<Share> pack_on_objects(const Machine& machine, Object object, int count);

}  // namespace ipcrun::topology
