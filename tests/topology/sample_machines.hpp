// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines that tests of places write down as values: caches, nodes and packages of one size, and
/// GPUs and NICs that hang where the test says.

#include <string>
#include <vector>

#include "base/text.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

struct Shape {
    int packages = 1;
    int nodes = 1;   ///< NUMA nodes of a package
    int caches = 1;  ///< last-level caches of a node
    int cores = 1;   ///< of a cache
    int threads = 1;
};

/// Hardware thread t of core c has CPU number c + t * cores; NUMA nodes have the kernel's numbers
/// 0, 2, 4, ...
inline Machine machine_of(const Shape& shape, const std::string& host = "n0") {
    Machine machine;
    machine.host = host;
    machine.packages = shape.packages;
    const int per_node = shape.caches * shape.cores;
    const int nodes = shape.packages * shape.nodes;
    for (int node = 0; node < nodes; ++node)
        machine.numa_nodes.push_back({.os_index = 2 * node, .bytes = 1 << 30});
    for (int core = 0; core < nodes * per_node; ++core) {
        machine.cores.push_back({.cpus = {},
                                 .package = core / per_node / shape.nodes,
                                 .numa_node = core / per_node,
                                 .last_level_cache = core / shape.cores,
                                 .l2 = core});
        for (int thread = 0; thread < shape.threads; ++thread)
            machine.cores.back().cpus.push_back(core + thread * nodes * per_node);
    }
    return machine;
}

inline Nearness near_node(const Machine& machine, int node) {
    for (const Core& core : machine.cores)
        if (core.numa_node == node) return {.package = core.package, .numa_node = node};
    return {};
}

inline Nearness near_cache(const Machine& machine, int cache) {
    for (const Core& core : machine.cores)
        if (core.last_level_cache == cache)
            return {
                .package = core.package, .numa_node = core.numa_node, .last_level_cache = cache};
    return {};
}

/// A host bridge with a switch below it: two bridges, of which the second's index is returned.
inline int add_switch(Machine& machine, const Nearness& near) {
    machine.bridges.push_back({.pci_id = {}, .near = near});
    const int top = static_cast<int>(machine.bridges.size()) - 1;
    machine.bridges.push_back({.parent = top, .pci_id = {}, .near = near});
    return top + 1;
}

inline void add_gpu(Machine& machine, const Nearness& near, int bridge = -1) {
    Gpu gpu;
    gpu.name = "gpu" + std::to_string(machine.gpus.size());
    gpu.near = near;
    gpu.bridge = bridge;
    machine.gpus.push_back(gpu);
}

inline void add_nic(Machine& machine, const Nearness& near, int bridge = -1,
                    double gbytes_per_s = 50) {
    Nic nic;
    nic.name = "nic" + std::to_string(machine.nics.size());
    nic.near = near;
    nic.bridge = bridge;
    nic.network_gbytes_per_s = gbytes_per_s;
    machine.nics.push_back(nic);
}

/// Two packages of four NUMA nodes of 16 cores; GPUs at the nodes 1, 2, 6 and 7, each with a NIC
/// below the same switch, and a slow NIC at node 0: as 01-turin of the recorded machines.
inline Machine four_gpus() {
    Machine machine = machine_of({.packages = 2, .nodes = 4, .cores = 16});
    add_nic(machine, near_node(machine, 0), -1, 0.125);
    for (const int node : {1, 2, 6, 7}) {
        const Nearness near = near_node(machine, node);
        const int below = add_switch(machine, near);
        add_gpu(machine, near, below);
        add_nic(machine, near, below);
    }
    return machine;
}

/// One package, four NUMA nodes of two caches of eight cores. Below each cache a GPU, numbered in
/// another order than the caches, and a NIC beside every second: as 06-trento.
inline Machine eight_dies() {
    Machine machine = machine_of({.nodes = 4, .caches = 2, .cores = 8});
    std::vector<int> bridges;
    for (const int cache : {6, 7, 2, 3, 0, 1, 4, 5}) {
        const Nearness near = near_cache(machine, cache);
        bridges.push_back(add_switch(machine, near));
        add_gpu(machine, near, bridges.back());
    }
    for (const int die : {1, 3, 5, 7})
        add_nic(machine, machine.gpus[static_cast<std::size_t>(die)].near,
                bridges[static_cast<std::size_t>(die)], 25);
    return machine;
}

/// Hosts "n0", "n1", ... of one kind of machine.
inline Cluster hosts_of(const Machine& machine, const std::vector<int>& slots) {
    Cluster cluster;
    cluster.machines.push_back(machine);
    for (const int count : slots)
        cluster.hosts.push_back(
            {.name = "n" + std::to_string(cluster.hosts.size()), .slots = count});
    return cluster;
}

inline std::vector<Place> places_of(const Machine& machine, int ranks,
                                    const Mapping& mapping = {}) {
    return place_ranks(cluster_of(machine), ranks, mapping).layouts.at(0).places;
}

/// "0-3 | 4-7": the CPUs of each rank.
inline std::string cpus_of(const std::vector<Place>& places) {
    std::string text;
    for (const Place& place : places) text += (text.empty() ? "" : " | ") + format_list(place.cpus);
    return text;
}

/// "0 0 1": `field` of each rank.
inline std::string each(const std::vector<Place>& places, int Place::*field) {
    std::string text;
    for (const Place& place : places)
        text += (text.empty() ? "" : " ") + std::to_string(place.*field);
    return text;
}

}  // namespace ipcrun::topology
