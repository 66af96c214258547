// SPDX-License-Identifier: Apache-2.0
#pragma once
/// hwloc's view of a machine, loaded the cheap way, and its translation into a Machine. Inside
/// discover/ and its tests only; others call discover() and read_machine().

#include <memory>
#include <string>
#include <vector>

#include "topology/machine.hpp"

struct hwloc_topology;

namespace ipcrun::topology {

class HwlocTopology {
  public:
    /// This host: packages, NUMA nodes, caches, cores and hardware threads that cpusets allow;
    /// with `devices` its PCI tree and matrices too. Whatever HWLOC_* variables say, no file is
    /// loaded in place of the host, and plug-ins only with `devices`. Changes the environment while
    /// it runs: call it before threads exist. Throws Error{system}.
    static HwlocTopology load_host(bool devices = false);

    /// A machine written in hwloc's synthetic form, "pack:2 numa:2 l3:1 core:4 pu:2". Throws
    /// Error{usage}.
    static HwlocTopology load_synthetic(const std::string& description);

    /// A machine recorded by hwloc 2, devices and all, from text of the plain form that hwloc's own
    /// parser reads (see read_machine()). `source` names it in errors. Changes the environment as
    /// load_host() does. Throws Error{usage}.
    static HwlocTopology load_xml(const std::string& text, const std::string& source);

    /// The machine as far as `allowed_cpus` (the kernel's numbers) go, with neither quota nor, for
    /// this host, its name. Throws Error{system} when hwloc knows none of these CPUs.
    Machine machine(const std::vector<int>& allowed_cpus) const;

    /// The CPUs that hwloc shows, which are those that were allowed where it was recorded.
    /// Ascending; empty: none.
    std::vector<int> all_cpus() const;

  private:
    struct Destroy {
        void operator()(hwloc_topology* topology) const;
    };
    HwlocTopology();
    void set_filters(bool devices);
    std::unique_ptr<hwloc_topology, Destroy> topology_;
    bool devices_ = false;
};

}  // namespace ipcrun::topology
