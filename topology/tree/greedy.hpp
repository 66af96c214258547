// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Trees over few members that grow an edge at a time. All return parents, -1 at the root.

#include <vector>

#include "topology/tree/pair_times.hpp"

namespace ipcrun::topology {

/// On the way down, of all sends that are possible the one that is there first; with `look_ahead`,
/// that from which another member can be reached first. After Bhat, Raghavendra and Prasanna
/// ("Efficient collective communication in distributed heterogeneous systems", J. Parallel Distrib.
/// Comput. 63, 2003). Cost: O(n^2), with `look_ahead` O(n^3).
std::vector<int> earliest_tree(const PairTimes& times, double bytes, int root, int degree_max,
                               bool look_ahead);

/// Cheapest links first (Kruskal), as long as members have no more than `links_max` of them (0: any
/// number) and no cycle is closed: a tree whose dearest link is cheap, or a path with two. The root
/// is the member from which the farthest is nearest among those with fewer than `links_max` links.
std::vector<int> cheapest_links_tree(const PairTimes& times, double bytes, int links_max);

/// A path through all members, the next always the nearest, then with stretches turned round as
/// long as that makes it cheaper; the root is its middle, or its begin.
std::vector<int> nearest_path(const PairTimes& times, double bytes, int first, bool from_middle);

}  // namespace ipcrun::topology
