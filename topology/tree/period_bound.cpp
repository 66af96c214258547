// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/period_bound.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "topology/tree/group_units.hpp"

namespace ipcrun::topology {

namespace {

// Up to here all pairs are looked at.
constexpr int pairs_max = 64;
constexpr int depth_max = 16;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Of groups at one depth that have all members: a tree that joins three of them or more enters or
/// leaves one of them twice.
double twice_through(const Costs& costs, const std::vector<int>& depth, int wanted) {
    int members = 0, groups = 0;
    double least = infinite;
    for (std::size_t index = 0; index < costs.groups.size(); ++index) {
        if (depth[index] != wanted) continue;
        members += costs.groups[index].size();
        least = std::min(least, costs.groups[index].uplink_us_per_byte);
        ++groups;
    }
    return groups >= 3 && members == costs.size() ? 2 * least : 0;
}

double edges_bound(const Costs& costs) {
    double bound = 0;
    std::vector<int> depth(costs.groups.size(), 0);
    int deepest = 0;
    for (std::size_t index = 1; index < costs.groups.size(); ++index) {
        depth[index] = depth[costs.groups[index].parent] + 1;
        deepest = std::max(deepest, depth[index]);
        if (costs.groups[index].size() < costs.size())
            bound = std::max(bound, costs.groups[index].uplink_us_per_byte);
    }
    for (int wanted = 1; wanted <= std::min(deepest, depth_max); ++wanted)
        bound = std::max(bound, twice_through(costs, depth, wanted));
    return bound;
}

}  // namespace

PeriodBound::PeriodBound(const Costs& costs)
    : costs_(costs), edge_us_per_byte_(edges_bound(costs)) {
    const int size = costs.size();
    if (size > pairs_max) {
        const GroupUnits units(costs);
        for (std::size_t group = 0; group < costs.groups.size(); ++group)
            has_pairs_.push_back(units.groups_in(static_cast<int>(group)).size() +
                                     units.members_in(static_cast<int>(group)).size() >=
                                 2);
        return;
    }
    pairs_ = as_matrix(costs);
    path_.assign(pairs_.costs.size(), 0);
    port_.assign(size, 0);
    std::vector<int> uses(pairs_.edge_us_per_byte.size());
    for (int a = 0; a < size; ++a) {
        std::fill(uses.begin(), uses.end(), 0);
        for (int b = 0; b < size; ++b) {
            for (const int edge : pairs_.edges_of(a, b)) {
                double& path = path_[a * size + b];
                path = std::max(path, pairs_.edge_us_per_byte[edge]);
                if (++uses[edge] == size - 1)
                    port_[a] = std::max(port_[a], pairs_.edge_us_per_byte[edge]);
            }
        }
    }
}

double PeriodBound::us(double bytes) const {
    return std::max(bytes * edge_us_per_byte_,
                    pairs_.size > 0 ? pairs_us(bytes) : groups_us(bytes));
}

// The units of a group are joined by links of that group or of one around it. The dearest of these
// links has another beside it at one of its ends, which therefore has a child.
double PeriodBound::groups_us(double bytes) const {
    std::vector<double> joint(costs_.groups.size(), 0);
    double dearest = 0, cheapest = infinite;
    for (std::size_t index = 0; index < costs_.groups.size(); ++index) {
        const Group& group = costs_.groups[index];
        double least = infinite;
        if (has_pairs_[index] != 0 && group.matrix < 0) least = busy_us(group.cost, bytes);
        if (group.matrix >= 0) {
            const PairMatrix& matrix = costs_.matrices[group.matrix];
            for (int a = 0; a < matrix.size; ++a)
                for (int b = a + 1; b < matrix.size; ++b)
                    least = std::min(
                        least, busy_us(matrix.costs[static_cast<std::size_t>(a) * matrix.size + b],
                                       bytes));
        }
        cheapest = std::min(cheapest, least);
        joint[index] = index > 0 ? std::min(least, joint[group.parent]) : least;
        if (has_pairs_[index] != 0) dearest = std::max(dearest, joint[index]);
    }
    return dearest + cheapest + bytes * costs_.reduce_us_per_byte;
}

double PeriodBound::pairs_us(double bytes) const {
    const int size = pairs_.size;
    const double combine = bytes * costs_.reduce_us_per_byte;
    const auto busy = [&](int a, int b) { return busy_us(pairs_.costs[a * size + b], bytes); };
    const auto weight = [&](int a, int b) {
        return std::max(busy(a, b), bytes * path_[a * size + b]);
    };
    // By member: its two cheapest links, and to whom the cheapest goes.
    std::vector<double> first(size, infinite), second(size, infinite), joined(size, infinite);
    std::vector<int> nearest(size, -1);
    double bound = 0, inner = infinite;
    for (int a = 0; a < size; ++a) {
        double least = infinite;
        for (int b = 0; b < size; ++b) {
            if (b == a) continue;
            least = std::min(least, weight(a, b));
            const double us = busy(a, b);
            if (us < first[a]) {
                second[a] = first[a];
                first[a] = us;
                nearest[a] = b;
            } else {
                second[a] = std::min(second[a], us);
            }
        }
        bound = std::max(bound, least);
        inner = std::min(inner, std::max(first[a] + second[a] + combine, 2 * bytes * port_[a]));
    }
    bound = std::max(bound, inner);
    // The dearest link of the cheapest spanning tree (Prim): no tree does without one as dear.
    std::vector<char> reached(size, 0);
    double dearest = 0;
    joined[0] = 0;
    for (int turn = 0; turn < size; ++turn) {
        int next = -1;
        for (int a = 0; a < size; ++a)
            if (reached[a] == 0 && (next < 0 || joined[a] < joined[next])) next = a;
        reached[next] = 1;
        dearest = std::max(dearest, joined[next]);
        for (int a = 0; a < size; ++a)
            if (a != next) joined[a] = std::min(joined[a], weight(next, a));
    }
    // Whichever link that is, at one of its ends there is another.
    double around = infinite;
    for (int a = 0; a < size; ++a) {
        for (int b = a + 1; b < size; ++b) {
            if (weight(a, b) < dearest) continue;
            const double other = std::min(nearest[a] == b ? second[a] : first[a],
                                          nearest[b] == a ? second[b] : first[b]);
            around = std::min(around, std::max(weight(a, b), busy(a, b) + other + combine));
        }
    }
    return std::max(bound, around);
}

}  // namespace ipcrun::topology
