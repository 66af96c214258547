// SPDX-License-Identifier: Apache-2.0
#include "topology/cluster.hpp"

#include <cstdint>
#include <map>
#include <utility>

namespace ipcrun::topology {

namespace {

// Names that stand for one host each: a machine's own, or one made of its number.
std::vector<std::string> names_of(const std::vector<Machine>& machines) {
    std::map<std::string, int> uses;
    for (const Machine& machine : machines) ++uses[machine.host];
    std::vector<std::string> names;
    for (const Machine& machine : machines) {
        std::string name = machine.host;
        if (name.empty() || uses[name] > 1) {
            name = "host" + std::to_string(names.size());
            while (uses.count(name) > 0) name += "-2";
            ++uses[name];
        }
        names.push_back(std::move(name));
    }
    return names;
}

}  // namespace

Cluster cluster_of(Machine machine) {
    Cluster cluster;
    cluster.hosts.push_back({.name = machine.host});
    cluster.machines.push_back(std::move(machine));
    return cluster;
}

Cluster cluster_of(std::vector<Machine> machines) {
    Cluster cluster;
    std::vector<std::string> names = names_of(machines);
    std::map<std::uint64_t, int> kinds;
    for (std::size_t host = 0; host < machines.size(); ++host) {
        const auto [kind, is_new] =
            kinds.emplace(hash_of(machines[host]), static_cast<int>(cluster.machines.size()));
        if (is_new) cluster.machines.push_back(std::move(machines[host]));
        cluster.hosts.push_back({.name = std::move(names[host]), .machine = kind->second});
    }
    return cluster;
}

int slots_of(const Cluster& cluster, int host) {
    const int slots = cluster.hosts[static_cast<std::size_t>(host)].slots;
    return slots > 0 ? slots : usable_cores(cluster.machine_of(host));
}

}  // namespace ipcrun::topology
