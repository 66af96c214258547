// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Trees for large messages over any number of members: chains, and chains joined by a binary tree.

#include "topology/link/costs.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun::topology {

/// All members in the order of their positions, from one in the middle (`degree_max` other than 1)
/// or from the first. Each group is entered once and left once.
Tree position_path(const Costs& costs, int degree_max);

/// The largest groups with at most `run_max` members are chains; these, and members in none, form a
/// binary tree by halves of the positions. A chain's children hang on its first members. Needs
/// `degree_max` other than 1. Cost: O(n).
Tree runs_tree(const Costs& costs, int run_max);

}  // namespace ipcrun::topology
