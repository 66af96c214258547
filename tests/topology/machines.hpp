// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines and placements written down as values, for tests of links.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::testing {

/// Packages of NUMA nodes of L3s of cores, all even; second-level caches are of one core.
inline topology::Machine regular_machine(int packages, int numa_nodes, int l3s, int cores) {
    topology::Machine machine;
    machine.host = "box";
    machine.packages = packages;
    int cpu = 0;
    for (int node = 0; node < packages * numa_nodes; ++node) {
        machine.numa_nodes.push_back({.os_index = node});
        for (int l3 = 0; l3 < l3s; ++l3) {
            for (int core = 0; core < cores; ++core, ++cpu)
                machine.cores.push_back({.cpus = {cpu},
                                         .package = node / numa_nodes,
                                         .numa_node = node,
                                         .last_level_cache = node * l3s + l3,
                                         .l2 = cpu});
        }
    }
    return machine;
}

/// A rank on one core of a machine.
inline topology::Place place_on_core(const topology::Machine& machine, int core, int gpu = -1,
                                     int nic = -1) {
    const topology::Core& values = machine.cores[static_cast<std::size_t>(core)];
    topology::Place place;
    place.cpus = values.cpus;
    place.spot = {values.package + 1, values.numa_node + 1, values.last_level_cache + 1,
                  values.l2 + 1, core + 1};
    place.gpu = gpu;
    place.nic = nic;
    return place;
}

/// A rank on every core of a machine.
inline topology::Layout full_layout(const topology::Machine& machine) {
    topology::Layout layout;
    for (int core = 0; core < static_cast<int>(machine.cores.size()); ++core)
        layout.places.push_back(place_on_core(machine, core));
    return layout;
}

/// Ranks host by host; layout_of_host[h] is the layout of host h.
inline topology::Placement placement_of(std::vector<topology::Layout> layouts,
                                        std::vector<int> layout_of_host) {
    topology::Placement placement;
    placement.layouts = std::move(layouts);
    placement.layout_of_host = std::move(layout_of_host);
    placement.first_of_host = {0};
    for (int host = 0; host < static_cast<int>(placement.layout_of_host.size()); ++host) {
        const int layout = placement.layout_of_host[static_cast<std::size_t>(host)];
        const std::size_t ranks =
            layout < 0 ? 0 : placement.layouts[static_cast<std::size_t>(layout)].places.size();
        for (int local = 0; local < static_cast<int>(ranks); ++local) {
            placement.ranks.push_back(placement.size());
            placement.seats.push_back({host, local});
        }
        placement.first_of_host.push_back(placement.size());
    }
    return placement;
}

/// `hosts` hosts of one kind.
inline topology::Cluster equal_hosts(topology::Machine machine, int hosts) {
    topology::Cluster cluster;
    for (int host = 0; host < hosts; ++host)
        cluster.hosts.push_back({.name = "node" + std::to_string(host)});
    cluster.machines.push_back(std::move(machine));
    return cluster;
}

}  // namespace ipcrun::testing
