// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A time that no tree can beat: for each number of segments the least that one segment takes to
/// go through and the least period, and of these times the smallest.

#include <optional>

#include "topology/link/costs.hpp"
#include "topology/tree/exact.hpp"
#include "topology/tree/period_bound.hpp"

namespace ipcrun::topology {

class TreeBound {
  public:
    /// Borrows both. `exact`: nullptr when it may not run; else it may if it is affordable.
    TreeBound(const Costs& costs, int degree_max, ExactTrees* exact);

    double us(double bytes) const;

  private:
    double ready_us(double bytes) const;
    double reach_us(double bytes) const;

    const Costs& costs_;
    int degree_max_;
    ExactTrees* exact_;
    std::optional<PeriodBound> period_ = {};
};

}  // namespace ipcrun::topology
