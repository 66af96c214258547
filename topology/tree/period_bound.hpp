// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What some member or edge has to carry of every segment in any tree: a lower bound of P.

#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

class PeriodBound {
  public:
    /// Borrows `costs`, of at least 3 members.
    explicit PeriodBound(const Costs& costs);

    /// No tree has a smaller period for segments of so many bytes. Cost: O(groups), and O(n^2) up
    /// to 64 members.
    double us(double bytes) const;

  private:
    double groups_us(double bytes) const;
    double pairs_us(double bytes) const;
    double busy_us(const LinkCost& cost, double bytes) const {
        return cost.gap_us + bytes * cost.us_per_byte;
    }

    const Costs& costs_;
    double edge_us_per_byte_ = 0;       ///< that a physical edge cannot avoid
    std::vector<char> has_pairs_ = {};  ///< by group: has it pairs of its own?
    PairMatrix pairs_ = {};             ///< of few members
    std::vector<double> path_ = {};     ///< by pair: of the slowest edge of its path
    std::vector<double> port_ = {};     ///< by member: of the slowest edge on all of its paths
};

}  // namespace ipcrun::topology
