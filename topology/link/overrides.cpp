// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/fail.hpp"
#include "topology/link/links.hpp"

namespace ipcrun::topology {

namespace {

// Sorted, each pair once, with the dearer of what was told of it.
void make_unique(std::vector<LinkOverride>& overrides) {
    const auto pair_of = [](const LinkOverride& each) { return std::pair(each.a, each.b); };
    std::stable_sort(overrides.begin(), overrides.end(),
                     [&](const auto& x, const auto& y) { return pair_of(x) < pair_of(y); });
    std::vector<LinkOverride> unique;
    for (const LinkOverride& each : overrides) {
        if (unique.empty() || pair_of(unique.back()) != pair_of(each)) {
            unique.push_back(each);
            continue;
        }
        LinkOverride& last = unique.back();
        last.latency_us = std::max(last.latency_us, each.latency_us);
        last.us_per_byte = std::max(last.us_per_byte, each.us_per_byte);
    }
    overrides = std::move(unique);
}

}  // namespace

void Links::apply_overrides() {
    const int ranks = placement_.size();
    if (ranks > override_ranks_max)
        fail(ErrorCode::usage,
             "--links: {} ranks: costs of single pairs can be given for up to {}; leave the "
             "option out, or start fewer ranks",
             ranks, override_ranks_max);
    make_unique(overrides_);
    PairMatrix matrix = as_matrix(costs_);
    for (const LinkOverride& each : overrides_) {
        check(0 <= each.a && each.a < each.b && each.b < ranks, "an override of no pair");
        const int i = position_of_[static_cast<std::size_t>(each.a)];
        const int j = position_of_[static_cast<std::size_t>(each.b)];
        for (const auto& [row, column] : {std::pair(i, j), std::pair(j, i)}) {
            LinkCost& cost = matrix.costs[static_cast<std::size_t>(row * ranks + column)];
            cost.latency_us = each.latency_us;
            cost.us_per_byte = each.us_per_byte;
        }
        for (const int edge : matrix.edges_of(i, j)) {
            double& carried = matrix.edge_us_per_byte[static_cast<std::size_t>(edge)];
            carried = std::min(carried, each.us_per_byte);
        }
    }
    costs_ = group_costs(ranks, {{.end = ranks, .matrix = 0}}, {std::move(matrix)},
                         table_.reduce_us_per_byte);
}

}  // namespace ipcrun::topology
