// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The costs within one host of one layout, found once for all hosts that have it.

#include <optional>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/link/gpu_paths.hpp"
#include "topology/link/nesting.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

/// With more ranks on a host than this, those that have GPUs are linked as those that have none:
/// they share the GPUs many to one, and a matrix of them all would be larger than anything else.
constexpr int gpu_ranks_max = 1024;

/// Are ranks of this layout that have GPUs linked by them?
bool links_gpus(const Layout& layout);

/// The spots of its places, with what everybody on the machine has in common.
std::vector<Spot> spots_of(const Layout& layout, const Machine& machine);

struct HostCosts {
    Nesting nesting;                   ///< of local ranks, by their CPUs
    std::optional<PairMatrix> matrix;  ///< in positions; for layouts with GPUs, instead of groups
    double network_us_per_byte = 0;    ///< of a single rank's NIC, the slowest of them
    double uplink_us_per_byte = 0;     ///< of all NICs that its ranks use together
};

HostCosts host_costs(const Layout& layout, const Machine& machine, const GpuPaths& gpu_paths,
                     const CostTable& table);

}  // namespace ipcrun::topology
