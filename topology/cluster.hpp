// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The hosts of a job as plain values: what kinds of machines there are, which host is of which
/// kind, and what is known of the network between them.

#include <string>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// A switch of the network. Hosts that hang on one are nearer to each other than to others.
struct NetworkSwitch {
    std::string name;
    int parent = -1;          ///< index into Cluster::switches, lower than its own; -1: the top
    double gbytes_per_s = 0;  ///< of its links upwards together, each direction; 0: unknown

    bool operator==(const NetworkSwitch&) const = default;
};

struct Host {
    std::string name;
    int machine = 0;       ///< index into Cluster::machines
    int slots = 0;         ///< ranks that it is meant for; 0: one for each usable core
    int leaf_switch = -1;  ///< index into Cluster::switches; -1: unknown

    bool operator==(const Host&) const = default;
};

struct Cluster {
    std::vector<Machine> machines;             ///< one of each kind
    std::vector<Host> hosts;                   ///< never empty; IPCRUN_NODE is the index
    std::vector<NetworkSwitch> switches = {};  ///< parents before children

    const Machine& machine_of(int host) const {
        return machines[static_cast<std::size_t>(hosts[static_cast<std::size_t>(host)].machine)];
    }
    bool operator==(const Cluster&) const = default;
};

/// One host.
Cluster cluster_of(Machine machine);

/// One host for each machine, of which equal ones (but for names, serial numbers and addresses) are
/// kept once. Hosts have the machines' names, or "host3" where those repeat or are empty.
Cluster cluster_of(std::vector<Machine> machines);

/// Slots of a host, where 0 stands for usable cores.
int slots_of(const Cluster& cluster, int host);

}  // namespace ipcrun::topology
