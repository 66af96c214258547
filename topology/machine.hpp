// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a host is, as plain values: packages, NUMA nodes, caches, cores and what we may use of
/// them. Filled by topology/discover, by tests, or from the wire; nothing here looks at the real
/// machine.

#include <cstdint>
#include <string>
#include <vector>

namespace ipcrun::topology {

struct NumaNode {
    int os_index = 0;         ///< the kernel's number of the node
    std::uint64_t bytes = 0;  ///< local memory
};

/// One physical core with those of its hardware threads that this process may run on.
struct Core {
    std::vector<int> cpus;     ///< the kernel's CPU numbers, ascending, never empty
    int package = 0;           ///< index of its package, from 0
    int numa_node = 0;         ///< index into Machine::numa_nodes
    int last_level_cache = 0;  ///< index of its outermost shared cache, from 0, over the machine
};

struct Machine {
    std::string host;                  ///< its name as uname(2) gives it
    std::vector<NumaNode> numa_nodes;  ///< never empty
    std::vector<Core> cores;         ///< allowed ones only, in topology order: neighbours are near
    int packages = 1;                ///< packages with allowed cores
    std::uint64_t memory_bytes = 0;  ///< of the whole machine
    std::uint64_t last_level_cache_bytes = 0;  ///< of one such cache; 0: unknown
    double cpu_quota = 0;  ///< CPUs' worth of time that cgroups allow; 0: no limit
};

/// Whole CPUs that we may keep busy: allowed hardware threads, cut to the quota (rounded up);
/// at least 1.
int usable_cpus(const Machine& machine);

/// Physical cores that we may keep busy: allowed cores, cut to the quota (rounded up); at least 1.
/// The default number of ranks.
int usable_cores(const Machine& machine);

}  // namespace ipcrun::topology
