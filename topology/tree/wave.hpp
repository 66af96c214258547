// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The hierarchical wave: a good tree for any number of members in one pass over them.

#include "topology/link/costs.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun::topology {

struct WaveWish {
    double bytes = 8;    ///< of a message
    int degree_max = 2;  ///< 0: any number
    int root = 0;
};

/// The way down, played through: whoever has the value and has finished a send sends next, to the
/// outermost group around it that nobody is in yet, then into the next smaller one. No group runs
/// out of members that can still have children before all of it is reached: the last of its places
/// is kept for its own. So the member at which a group is entered need not be the one that sends on
/// to other groups, without which two children would not do. Children are in best order for
/// `bytes`. Cost: O(n (depth + log n)); in a group with a matrix of k members O(k^2).
Tree wave_tree(const Costs& costs, const WaveWish& wish);

}  // namespace ipcrun::topology
