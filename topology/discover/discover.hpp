// SPDX-License-Identifier: Apache-2.0
#pragma once
/// This host as a Machine, through hwloc, the kernel's files and NVML.

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Reads the CPU side of this host: what the affinity mask and cpusets of the calling thread allow,
/// and the cgroup quota (v1 and v2). About 1 ms. With `devices` also the PCI tree, GPUs with the
/// links between them, NICs that are up, and what firmware tells of memory: some 10 ms, and where
/// NVIDIA's driver has to wake up, a second. All GPUs, whatever CUDA_VISIBLE_DEVICES says: see
/// topology/visible_gpus.hpp. Call it before threads exist: it changes HWLOC_* variables while it
/// runs. Throws Error{system} when hwloc cannot.
Machine discover(bool devices = false);

}  // namespace ipcrun::topology
