// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links between the GPUs of a host: over which physical edges they go, and what those carry.

#include <string>
#include <vector>

#include "topology/link/link.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

struct GpuPath {
    LinkClass link_class = LinkClass::self;
    LinkCost cost = {};
    std::vector<int> edges;  ///< in order
};

class GpuPaths {
  public:
    /// Borrows the machine.
    GpuPaths(const Machine& machine, const CostTable& table);

    /// Of two GPUs of the machine: by their own link where they have one, else by the tree of
    /// bridges up to the lowest that both are below, or through the processors.
    GpuPath between(int gpu_a, int gpu_b) const;

    /// What each byte takes on an edge, each direction; 0: never the limit.
    double us_per_byte(int edge) const { return us_per_byte_[static_cast<std::size_t>(edge)]; }
    /// "pcie 0000:40:01.1", "gpu 2 nvlink port", "nvlink gpu 0-1", "package 0 port".
    std::string name(int edge) const;

  private:
    const Machine& machine() const { return *machine_; }
    void add_link_edges();
    const GpuLink* link_of(int gpu_a, int gpu_b, int& index) const;
    GpuPath over_link(const GpuLink& link, int index) const;
    GpuPath over_bridges(int gpu_a, int gpu_b) const;
    std::vector<int> bridges_above(int gpu) const;
    /// Of a GPU, from the nearest thing on its way that knows; -1: unknown.
    int nearest(int gpu, int Nearness::*part) const;
    LinkClass class_through_processors(int gpu_a, int gpu_b) const;
    LinkCost cost_of(LinkClass link_class, const std::vector<int>& edges, bool is_known) const;

    /// Edges are numbered kind after kind: bridges, and so on.
    enum class Kind { bridge, device, port, host_link, link, package };
    int edge(Kind kind, int index) const;
    int count_of(Kind kind) const;

    const Machine* machine_;
    CostTable table_;
    std::vector<double> us_per_byte_;
};

}  // namespace ipcrun::topology
