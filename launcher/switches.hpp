// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The switches of a network above its hosts, where a batch system tells of them: they say which
/// hosts are near to each other, and so shape the tree.

#include <string>
#include <string_view>
#include <vector>

#include "topology/cluster.hpp"

namespace ipcrun {

/// Those above this host, from the top: "s0.s3"; empty: nobody tells. Of Slurm's topology.conf, by
/// SLURM_TOPOLOGY_ADDR.
std::string own_switches();

/// What that is in Slurm's words: `address` is "s0.s3.n17", and `pattern` "switch.switch.node"; or
/// "n17" and "node", where it knows of none. Pure.
std::string switches_of(std::string_view address, std::string_view pattern);

/// Hangs the hosts of a cluster on switches: own_switches() of each. Pure.
void hang_on_switches(topology::Cluster& cluster, const std::vector<std::string>& of_hosts);

}  // namespace ipcrun
