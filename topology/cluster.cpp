// SPDX-License-Identifier: Apache-2.0
#include "topology/cluster.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace ipcrun::topology {

Cluster cluster_of(Machine machine) {
    Cluster cluster;
    cluster.hosts.push_back({.name = machine.host});
    cluster.machines.push_back(std::move(machine));
    return cluster;
}

Cluster cluster_of(std::vector<Machine> machines) {
    Cluster cluster;
    std::map<std::uint64_t, int> kinds;
    std::map<std::string, int> names;
    for (const Machine& machine : machines) ++names[machine.host];
    for (Machine& machine : machines) {
        const bool unique = !machine.host.empty() && names[machine.host] == 1;
        std::string name = unique ? machine.host : "host" + std::to_string(cluster.hosts.size());
        const auto [kind, added] =
            kinds.emplace(hash_of(machine), static_cast<int>(cluster.machines.size()));
        cluster.hosts.push_back({.name = std::move(name), .machine = kind->second});
        if (added) cluster.machines.push_back(std::move(machine));
    }
    return cluster;
}

int slots_of(const Cluster& cluster, int host) {
    const int slots = cluster.hosts[static_cast<std::size_t>(host)].slots;
    return slots > 0 ? slots : usable_cores(cluster.machine_of(host));
}

}  // namespace ipcrun::topology
