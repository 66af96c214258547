// SPDX-License-Identifier: Apache-2.0
#include "topology/cluster.hpp"

#include <utility>

namespace ipcrun::topology {

Cluster cluster_of(Machine machine) {
    Cluster cluster;
    cluster.hosts.push_back({.name = machine.host});
    cluster.machines.push_back(std::move(machine));
    return cluster;
}

int slots_of(const Cluster& cluster, int host) {
    const int slots = cluster.hosts[static_cast<std::size_t>(host)].slots;
    return slots > 0 ? slots : usable_cores(cluster.machine_of(host));
}

}  // namespace ipcrun::topology
