// SPDX-License-Identifier: Apache-2.0
#include "topology/machine.hpp"

#include <algorithm>
#include <cmath>

#include "base/hash.hpp"

namespace ipcrun::topology {

namespace {

int cut_to_quota(int count, double quota) {
    // The smallest share over a whole CPU (1.0001, from a rounded file) does not buy another one.
    if (quota > 0) count = std::min(count, static_cast<int>(std::ceil(quota - 1e-3)));
    return std::max(count, 1);
}

}  // namespace

int usable_cpus(const Machine& machine) {
    std::size_t cpus = 0;
    for (const Core& core : machine.cores) cpus += core.cpus.size();
    return cut_to_quota(static_cast<int>(cpus), machine.cpu_quota);
}

int usable_cores(const Machine& machine) {
    return cut_to_quota(static_cast<int>(machine.cores.size()), machine.cpu_quota);
}

std::uint64_t hash_of(const Machine& machine) {
    Hash hash;
    hash.add(machine.numa_nodes.size());
    for (const Core& core : machine.cores) {
        for (const int cpu : core.cpus) hash.add(static_cast<std::uint64_t>(cpu));
        hash.add(static_cast<std::uint64_t>(core.package));
        hash.add(static_cast<std::uint64_t>(core.numa_node));
        hash.add(static_cast<std::uint64_t>(core.last_level_cache));
    }
    hash.add(machine.memory_bytes);
    hash.add(machine.gpus.size());
    hash.add(machine.nics.size());
    return hash.value();
}

}  // namespace ipcrun::topology
