// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/best_tree.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "topology/tree/bound.hpp"
#include "topology/tree/exact.hpp"
#include "topology/tree/portfolio.hpp"

namespace ipcrun::topology {

namespace {

// Times are sums of some dozens of numbers: what is nearer than this is the same.
constexpr double rounding = 1e-9;

// Of one member, or of two: which of them is the root does not matter.
PlannedTree only_tree(const Costs& costs, double bytes) {
    PlannedTree plan;
    plan.tree = tree_of(costs.size() == 1 ? std::vector<int>{-1} : std::vector<int>{-1, 0});
    plan.time = time_of(plan.tree, costs, bytes);
    plan.bound_us = plan.time.us;
    plan.method = "exact";
    plan.is_optimal = true;
    return plan;
}

}  // namespace

PlannedTree best_tree(const Costs& costs, const TreeWish& wish) {
    if (costs.size() <= 2) return only_tree(costs, wish.bytes);
    Portfolio portfolio(costs, wish);
    ExactTrees exact(costs, wish.degree_max);
    const bool runs_exact = wish.exact && exact.affordable();
    const auto is_met = [&](double bound_us) {
        return !portfolio.best().method.empty() &&
               portfolio.best().time.us <= bound_us * (1 + rounding);
    };
    // Of many members it takes as long as the tree.
    const double bound_us =
        wish.bound || runs_exact
            ? TreeBound(costs, wish.degree_max, runs_exact ? &exact : nullptr).us(wish.bytes)
            : 0;
    // Those that the bound stands on: one is the best if the message is best not cut.
    for (const auto& [bytes, found] : exact.found()) portfolio.offer(found.tree, "exact");
    if (!runs_exact || !is_met(bound_us)) {
        portfolio.offer_large();
        if (costs.size() <= small_max) portfolio.offer_small();
    }
    PlannedTree plan = portfolio.best();
    plan.is_optimal = is_met(bound_us);
    plan.bound_us = std::min(bound_us, plan.time.us);
    return plan;
}

}  // namespace ipcrun::topology
