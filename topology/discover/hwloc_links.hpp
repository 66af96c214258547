// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The matrices of hwloc: who reaches whom, and how fast.

#include "topology/discover/hwloc_devices.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Fills gpu_links and the host links of GPUs from the matrices of NVLink, XGMI and Xe Link.
/// Ports of NVSwitches are one switch: whatever a GPU has to them it has to all others there.
void add_gpu_links(Machine& machine, hwloc_topology* topology, const DeviceObjects& gpus);

/// Fills latencies between NUMA nodes and their bandwidths, where firmware tells.
void add_memory(Machine& machine, hwloc_topology* topology);

}  // namespace ipcrun::topology
