// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Plans that are written down by hand, so that what is shown of them does not change when places,
/// links or trees are found in better ways.

#include <functional>
#include <string>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// What an Overview borrows, and what it is made from.
struct Plan {
    topology::Cluster cluster;
    topology::Placement placement;
    std::function<int(int)> parent;  ///< of a rank; -1: the root
    std::vector<std::string> argv = {"ipcrun-lua", "train.lua", "--size", "5"};
    std::vector<std::string> notes = {};

    Overview overview() const;
};

/// Equal shares of all, along the machine; threads are the cores of a share.
struct Shape {
    int packages = 1;
    int numa_nodes = 1;  ///< of each package
    int caches = 1;      ///< of each NUMA node
    int cores = 4;       ///< of each cache
    int threads = 1;     ///< of each core
    int gpus = 0;        ///< of each NUMA node, each with a NIC at its side
};
topology::Machine machine_of(const Shape& shape, const std::string& name, const std::string& model);

/// `ranks` on each of `hosts` hosts, with even shares of neighbouring cores, and of GPUs.
Plan plan_of(const topology::Machine& machine, int hosts, int ranks);

/// One rank a core on four cores under one cache.
Plan small_plan();
/// Eight ranks over two packages with four GPUs, two NICs, warnings.
Plan gpu_plan();
/// 1,048,576 ranks on 8,192 hosts.
Plan huge_plan();

}  // namespace ipcrun::show
