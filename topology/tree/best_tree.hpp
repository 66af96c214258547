// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The best tree that we can find, and how far from the best possible it is at most.

#include <string_view>

#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

struct TreeWish {
    double bytes = 8;    ///< of the allreduce that it is for
    int degree_max = 2;  ///< children of a member at most; 0: as many as pay
    bool exact = true;   ///< may the exact algorithm run?
    bool bound = true;   ///< is it to be said how good the tree is?
};

struct PlannedTree {
    Tree tree;  ///< over the positions of the costs
    TreeTime time;
    /// No tree with that degree is faster, whatever its segments: bound_us <= time.us. 0: unknown.
    double bound_us = 0;
    /// Which of the portfolio found it: "exact", "wave", "earliest", "search", "path", "chains",
    /// "binary".
    std::string_view method;
    bool is_optimal = false;  ///< proven: by the exact algorithm, or by the bound
    double ratio() const { return bound_us > 0 ? time.us / bound_us : 1; }
};

/// Deterministic. Runs a portfolio (see docs/topology.md) and keeps the cheapest: exact where
/// classes of interchangeable members are few enough, the hierarchical wave for any number, and for
/// up to 64 members greedy trees improved by local search. Memory O(n). Cost: 0.1 s for 65,536
/// members, 1 s for 1,048,576.
PlannedTree best_tree(const Costs& costs, const TreeWish& wish = {});

struct PlannedTwoTree {
    Tree first, second;
    TreeTime time;
};

/// Two trees of which each takes half of the bytes, and in which no member but one or two has
/// children in both (Sanders, Speck, Traff: "Two-tree algorithms for full bandwidth broadcast,
/// reduction and scan", Parallel Computing 35, 2009). At least 2 members.
PlannedTwoTree best_two_tree(const Costs& costs, double bytes);

/// No tree with at most `degree_max` children a member takes less; see docs/topology.md for the
/// proof of each term. For two members it is exact.
double tree_bound_us(const Costs& costs, double bytes, int degree_max);

}  // namespace ipcrun::topology
