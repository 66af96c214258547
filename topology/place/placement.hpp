// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which rank goes where: a pure function from hosts and a wish to a place for every rank.

#include <optional>
#include <span>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/place/mapping.hpp"

namespace ipcrun::topology {

/// What the CPUs of a rank have in common: 1 + index over the machine, or 0 where they have none in
/// common, or the rank is not bound. The index of a core is that in Machine::cores.
struct Spot {
    int package = 0;
    int numa_node = 0;
    int last_level_cache = 0;
    int l2 = 0;
    int core = 0;

    bool operator==(const Spot&) const = default;
};

struct Place {
    std::vector<int> cpus;          ///< the kernel's CPU numbers, ascending, never empty
    std::vector<int> memory_nodes;  ///< NUMA nodes (the kernel's numbers) to use; empty: any
    int threads = 1;                ///< cores of its own, for OMP_NUM_THREADS; at least 1
    Spot spot = {};
    int gpu = -1;  ///< index into Machine::gpus; -1: none
    int nic = -1;  ///< index into Machine::nics: the nearest to its GPU, else to its CPUs; -1: none

    bool operator==(const Place&) const = default;
};

/// The ranks of a host, of which many hosts may have the same.
struct Layout {
    int machine = 0;            ///< index into Cluster::machines
    std::vector<Place> places;  ///< by local rank

    bool operator==(const Layout&) const = default;
};

struct Seat {
    int host = 0;
    int local_rank = 0;

    bool operator==(const Seat&) const = default;
};

/// Where all ranks are. Memory: 12 bytes a rank, and each distinct layout once.
struct Placement {
    std::vector<Layout> layouts;
    std::vector<int> layout_of_host;  ///< by host; -1: no ranks there
    std::vector<Seat> seats;          ///< by rank
    std::vector<int> first_of_host;   ///< by host, and one behind: index into `ranks`
    std::vector<int> ranks;           ///< host by host, in the order of local ranks

    int size() const { return static_cast<int>(seats.size()); }
    const Seat& seat(int rank) const { return seats[static_cast<std::size_t>(rank)]; }
    const Place& place(int rank) const;
    /// The ranks of a host, by local rank.
    std::span<const int> ranks_of(int host) const;
};

/// Places `ranks` ranks; nullopt: one for each slot, or each line of the rankfile, or as many as
/// ppr asks for. Throws Error{usage} when the wish cannot be fulfilled: an object that a machine
/// does not have, ppr that gives fewer than are asked for, a rankfile with gaps or CPUs that are
/// not allowed, a rankfile beside another wish.
///
/// **Over hosts.** Ranks fill the slots host by host; `node` deals them to the hosts that have free
/// slots in turn. More ranks than slots: each host gets its part in proportion to its slots. For
/// `gpu`, a host of which no slots are named has one for each GPU. ppr does not look at slots:
/// fewer ranks than it gives take the first places, host by host.
///
/// **On a host.**
/// - `automatic` and `node`: shares are disjoint, differ by one core at most and end at packages,
///   NUMA nodes and caches where the counts allow it; with fewer cores than ranks, each serves ceil
///   or floor of ranks / cores neighbouring ranks. With GPUs, as for `gpu`.
/// - `gpu`: every rank has a GPU and cores near to it, as shares_near_gpus() says: fewer ranks than
///   GPUs take some that lie far apart, more share them evenly.
/// - `slot`: the machine is cut for all slots of the host, and rank i has the i-th share: few ranks
///   stay close together.
/// - `package`, `numa`, `l3`, `core`, `hwthread`: local rank i goes to object i modulo the number
/// of
///   objects that have cores. The ranks of an object cut its cores among them.
/// - ppr: `count` ranks to the first object, then to the second ...
/// Where the policy settles the cores, each rank has the nearest GPU that is left, evenly.
///
/// **Numbers** are in the order of this mapping: host by host, for `node` in turn. `slot` orders
/// the ranks of a host by their first cores and numbers host by host; `host` numbers in turn.
///
/// A cgroup quota lowers `threads`, never the CPUs.
/// Cost: O(ranks + hosts + for each layout, local ranks x cores).
Placement place_ranks(const Cluster& cluster, std::optional<int> ranks, const Mapping& mapping);

}  // namespace ipcrun::topology
