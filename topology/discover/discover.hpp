// SPDX-License-Identifier: Apache-2.0
#pragma once
/// This host as a Machine, through hwloc and the cgroup files. The only user of hwloc.

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Reads the CPU side of this host: what the affinity mask and cpusets of the calling thread allow,
/// and the cgroup quota (v1 and v2). About 1 ms; no I/O devices. Call it before threads exist: it
/// changes HWLOC_* variables while it runs. Throws Error{system} when hwloc cannot.
Machine discover();

}  // namespace ipcrun::topology
