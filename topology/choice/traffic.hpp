// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the messages of one step, all at the same time, take together: the dearest of them, and the
/// most loaded of the edges that they share.

#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

class Traffic {
  public:
    /// Borrows the costs.
    explicit Traffic(const Costs& costs);

    /// One more message. Cost: O(depth + edges of the path).
    void add(int from, int to);
    void clear();

    /// How long the step takes with `bytes` a message, each combined at its end if `combines`.
    double step_us(double bytes, bool combines) const;

    /// What the most loaded link or edge is busy with in a step: how soon the next one can follow.
    double load_us(double bytes) const;

  private:
    struct Load {
        int in = 0, out = 0;
    };
    void add_link(const LinkCost& cost);
    double edges_us(double bytes) const;

    const Costs& costs_;
    std::vector<Load> uplinks_;       // by group
    std::vector<int> first_edge_;     // by group: where those of its matrix begin in edges_
    std::vector<double> edge_costs_;  // us per byte
    std::vector<int> edges_;          // messages, of both directions together
    std::vector<LinkCost> links_;     // different ones; a machine has few
};

}  // namespace ipcrun::topology
