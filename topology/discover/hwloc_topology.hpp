// SPDX-License-Identifier: Apache-2.0
#pragma once
/// hwloc's view of a machine, loaded the cheap way, and its translation into a Machine. Inside
/// discover/ and its tests only; others call discover().

#include <memory>
#include <string>
#include <vector>

#include "topology/machine.hpp"

struct hwloc_topology;

namespace ipcrun::topology {

class HwlocTopology {
  public:
    /// This host: packages, NUMA nodes, caches, cores and hardware threads that cpusets allow.
    /// Whatever HWLOC_* variables say, neither plug-ins nor files in place of the host are loaded.
    /// Changes the environment while it runs: call it before threads exist. Throws Error{system}.
    static HwlocTopology load_host();

    /// A machine written in hwloc's synthetic form, "pack:2 numa:2 l3:1 core:4 pu:2"; for tests.
    static HwlocTopology load_synthetic(const std::string& description);

    /// The machine as far as `allowed_cpus` (the kernel's numbers) go, with neither host name nor
    /// quota. Throws Error{system} when hwloc knows none of these CPUs.
    Machine machine(const std::vector<int>& allowed_cpus) const;

  private:
    struct Destroy {
        void operator()(hwloc_topology* topology) const;
    };
    HwlocTopology();
    void load(const char* source);
    std::unique_ptr<hwloc_topology, Destroy> topology_;
};

}  // namespace ipcrun::topology
