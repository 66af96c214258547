// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The layouts of a job: hosts with equal machines and as many ranks have one together.

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/place/mapping.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

class LayoutCache {
  public:
    /// Both outlive the cache.
    LayoutCache(const Cluster& cluster, const Mapping& mapping);

    /// The index of the layout of a host with `ranks` ranks, of `capacity` that would fit; -1 for
    /// no ranks. Cost: of a new one, O(ranks x cores).
    int index_of(int host, int ranks, int capacity);

    std::vector<Layout> take() { return std::move(layouts_); }

  private:
    const Cluster& cluster_;
    const Mapping& mapping_;
    std::map<std::tuple<int, int, int>, int> known_;
    std::vector<Layout> layouts_;
};

}  // namespace ipcrun::topology
