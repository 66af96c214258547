// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The hierarchical wave: a good tree for any number of members in one pass over them.

#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

struct WaveWish {
    double bytes = 8;    ///< of a message
    int degree_max = 2;  ///< 0: any number
    int root = 0;
    /// When members send out of a group of which not all have the value: once it has 1 / eagerness
    /// times the places for children that are its share of what waits outside. 0: when nothing
    /// near is left.
    double eagerness = 0;
    bool helps = true;  ///< may members enter groups once more that others are late in?
};

/// The way down, played through: whoever has the value and has finished a send sends next, nearby
/// first, since there the number of senders grows fastest; what is nearby, and when a group has
/// enough senders for the outside, see `eagerness`. No group runs out of members that can still
/// have children before all of it is reached: the last of its places is kept for its own. So the
/// member at which a group is entered need not be the one that sends on to other groups, without
/// which two children would not do. Returns parents. Cost: O(n (depth + log n)); in a group with a
/// matrix of k members O(k^2).
std::vector<int> wave_parents(const Costs& costs, const WaveWish& wish);

}  // namespace ipcrun::topology
