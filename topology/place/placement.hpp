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
/// does not have, ppr that does not give as many as are asked for, a rankfile with gaps or CPUs
/// that are not allowed.
///
/// By default ranks fill the slots host by host; more ranks than slots are spread evenly. On a host
/// shares are disjoint, differ by one core at most and end at packages, NUMA nodes and caches where
/// the counts allow it; with fewer cores than ranks, each serves ceil or floor of ranks / cores
/// neighbouring ranks. With GPUs, ranks take GPUs in turn, evenly, and cores near to theirs. A
/// cgroup quota lowers `threads`, never the CPUs.
/// Cost: O(ranks + for each layout, local ranks x cores).
Placement place_ranks(const Cluster& cluster, std::optional<int> ranks, const Mapping& mapping);

}  // namespace ipcrun::topology
