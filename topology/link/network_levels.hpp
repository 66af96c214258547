// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links between hosts: by the switches that they are below.

#include <string>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/link/nesting.hpp"

namespace ipcrun::topology {

/// Groups hosts (indices into Cluster::hosts) by the switches above them. Each level of switches
/// above the lowest adds as much latency as there is between the two classes of the table; a byte
/// takes `us_per_byte` everywhere.
Nesting nest_hosts(const Cluster& cluster, const std::vector<int>& hosts, const CostTable& table,
                   double us_per_byte);

/// The links upwards that a message between two hosts passes: "switch leaf1".
std::vector<std::string> switches_between(const Cluster& cluster, int host_a, int host_b);

}  // namespace ipcrun::topology
