// SPDX-License-Identifier: Apache-2.0
#include "topology/place/nearness.hpp"

#include <algorithm>
#include <cstddef>

namespace ipcrun::topology {

namespace {

bool same(int left, int right) {
    return left >= 0 && left == right;
}

double latency_between(const Machine& machine, int from, int to) {
    const std::size_t nodes = machine.numa_nodes.size();
    if (from < 0 || to < 0 || machine.numa_latencies.size() != nodes * nodes) return 0;
    return machine
        .numa_latencies[static_cast<std::size_t>(from) * nodes + static_cast<std::size_t>(to)];
}

}  // namespace

Distance distance(const Machine& machine, const Core& core, const Nearness& device) {
    if (same(device.last_level_cache, core.last_level_cache)) return {Distance::cache};
    if (same(device.numa_node, core.numa_node)) return {Distance::numa};
    const double latency = latency_between(machine, core.numa_node, device.numa_node);
    return {same(device.package, core.package) ? Distance::package : Distance::machine, latency};
}

Distance distance(const Machine& machine, const std::vector<int>& cores, const Nearness& device) {
    Distance nearest{Distance::machine, 1e300};
    for (const int core : cores)
        nearest = std::min(
            nearest, distance(machine, machine.cores[static_cast<std::size_t>(core)], device));
    return nearest;
}

PciDistance distance(const Machine& machine, const Device& from, const Device& to) {
    const std::vector<int> left = bridges_above(machine, from);
    const std::vector<int> right = bridges_above(machine, to);
    for (std::size_t up = 0; up < left.size(); ++up) {
        const auto meet = std::find(right.begin(), right.end(), left[up]);
        if (meet == right.end()) continue;
        const bool top = machine.bridges[static_cast<std::size_t>(*meet)].parent < 0;
        const auto hops = static_cast<int>(up) + static_cast<int>(meet - right.begin());
        return {top ? PciDistance::host_bridge : PciDistance::pci_switch, hops};
    }
    if (same(from.near.numa_node, to.near.numa_node)) return {PciDistance::numa};
    if (same(from.near.package, to.near.package)) return {PciDistance::package};
    return {PciDistance::machine};
}

}  // namespace ipcrun::topology
