// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Members that can change places without anyone noticing: all costs stay what they were.

#include <optional>
#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

struct MemberClasses {
    std::vector<int> class_of;              ///< by member
    std::vector<std::vector<int>> members;  ///< by class, ascending
    std::vector<LinkCost>
        costs;  ///< of a member of class a and another of class b, at a * size() + b

    int size() const { return static_cast<int>(members.size()); }
    const LinkCost& between(int a, int b) const { return costs[a * size() + b]; }
};

/// nullopt: there are more than `classes_max`. Finds all where members are few, else those of one
/// group. Cost: O(n x depth), and O(k^2 x classes) for k members that are few or have a matrix.
std::optional<MemberClasses> classes_of(const Costs& costs, int classes_max);

}  // namespace ipcrun::topology
