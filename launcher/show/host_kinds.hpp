// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Hosts that look alike, and machines in a few words: what text and picture have in common.

#include <string>
#include <vector>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// Hosts of one machine with one layout of ranks.
struct HostKind {
    int machine = 0;         ///< index into Cluster::machines
    int layout = -1;         ///< index into Placement::layouts; -1: no ranks there
    std::vector<int> hosts;  ///< ascending, never empty
};

/// In the order of their first hosts; those without ranks last.
std::vector<HostKind> host_kinds(const topology::Cluster& cluster,
                                 const topology::Placement& placement);

/// "node01", "node01 and node02", "64 hosts, node01 ... node64".
std::string names_of(const topology::Cluster& cluster, const std::vector<int>& hosts);

/// "AMD EPYC 9555, 2 packages, 8 NUMA nodes, 128 cores, 755 GiB"
std::string describe_processors(const topology::Machine& machine);

/// One line for each model: "4 x NVIDIA H200, 141 GiB, PCIe 63.0 GB/s, at NUMA 0-3".
std::vector<std::string> describe_gpus(const topology::Machine& machine);

/// "every GPU to all others through switches, 450 GB/s", "every pair of GPUs, 150 GB/s", or a list
/// of pairs; empty: no GPU links.
std::string describe_gpu_links(const topology::Machine& machine);

/// One line for each model and speed: "mlx5_0-3: ConnectX-7, 50.0 GB/s, at NUMA 0-3".
std::vector<std::string> describe_nics(const topology::Machine& machine);

/// How many last-level caches have allowed cores.
int last_level_caches(const topology::Machine& machine);

}  // namespace ipcrun::show
