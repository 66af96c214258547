// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which rank goes where: a pure function from a machine and a wish to a place for every rank.

#include <optional>
#include <string_view>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// What a rank is bound to (--bind-to).
enum class BindTo {
    automatic,  ///< its even, disjoint share of the cores; shared cores when ranks exceed cores
    none,       ///< every allowed CPU
    core,       ///< one core
    numa,       ///< all allowed cores of the NUMA node of its share
    package,    ///< all allowed cores of the package of its share
};

std::optional<BindTo> parse_bind_to(std::string_view text);
std::string_view name_of(BindTo bind_to);

struct Place {
    std::vector<int> cpus;          ///< the kernel's CPU numbers, ascending, never empty
    std::vector<int> memory_nodes;  ///< NUMA nodes (the kernel's numbers) to use; empty: any
    int threads = 1;                ///< cores of its own, for OMP_NUM_THREADS; at least 1
    /// 1 + the index of the NUMA node and of the last-level cache (as in Core) that all its cores
    /// have in common; 0 when there is none, or when it is not bound.
    int numa_node = 0;
    int last_level_cache = 0;
};

/// A place for each of `ranks` ranks, in rank order; neighbouring ranks are neighbours on the
/// machine. With as many cores as ranks or more, shares are disjoint, differ by one core at most
/// and end at packages, NUMA nodes and caches where the counts allow it; with fewer cores, each
/// serves ceil or floor of ranks / cores neighbouring ranks. A cgroup quota lowers `threads`, never
/// the CPUs. Cost: O(ranks x cores).
std::vector<Place> place_ranks(const Machine& machine, int ranks, BindTo bind_to);

}  // namespace ipcrun::topology
