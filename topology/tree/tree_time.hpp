// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How long an allreduce along a tree takes: the one function that all trees are judged by.
///
/// A message of b bytes over a link keeps both ends busy for s = gap + b (G + gamma / 2), and is
/// there a latency L later; gamma is the cost of combining a byte. Half of it is counted on each
/// way, so that the way down mirrors the way up: member v, when its children c, in the order of
/// R(c) + L, have been served, is ready at
///
///     R(v) = fold over c of x := max(x, R(c) + L(c, v)) + s(c, v),    x = 0 at first
///
/// (earliest ready first is the best order: one machine, release dates, makespan). One message
/// goes up and down in 2 R(root). Cut into k segments:
///
///     T = min over k of  max(2 R, P) + (k - 1) P,   both for bytes / k
///
/// where P, the period, is the largest load of any member (all its edges in the tree, and the
/// combining) and of any physical edge (all edges of the tree that pass it).

#include "topology/link/costs.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun::topology {

struct TreeTime {
    double us = 0;         ///< T
    int segments = 1;      ///< the k that it is reached with: a power of two, at most segments_max
    double once_us = 0;    ///< 2 R of one segment
    double period_us = 0;  ///< P of one segment
};
constexpr int segments_max = 1 << 14;

/// Puts the children of every member into the best order for one message of `bytes`.
void order_children(Tree& tree, const Costs& costs, double bytes);

/// Time in O(n x depth) for each number of segments tried; the children's order counts.
TreeTime time_of(const Tree& tree, const Costs& costs, double bytes);

/// Both trees at once, each with half of the bytes; loads add up.
TreeTime time_of(const Tree& first, const Tree& second, const Costs& costs, double bytes);

}  // namespace ipcrun::topology
