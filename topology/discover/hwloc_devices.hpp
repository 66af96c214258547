// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The PCI tree of hwloc: GPUs, NICs and the bridges that they hang on.

#include <utility>
#include <vector>

#include "topology/machine.hpp"

struct hwloc_obj;
struct hwloc_topology;

namespace ipcrun::topology {

/// Which PCI devices of hwloc became which of Machine::gpus. Borrows from the topology.
using DeviceObjects = std::vector<std::pair<const hwloc_obj*, int>>;

/// Fills bridges, gpus and nics of `machine`, whose cores are there. Bridges with neither below are
/// left out. Links have their best speeds, as far as the two ends and the kind of GPU tell.
DeviceObjects add_devices(Machine& machine, hwloc_topology* topology);

}  // namespace ipcrun::topology
