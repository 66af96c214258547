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
    const GroupUnits units(costs);
    for (int group = 0; group < static_cast<int>(costs.groups.size()); ++group)
        units_.push_back(
            static_cast<int>(units.groups_in(group).size() + units.members_in(group).size()));
    const int size = costs.size();
    if (size > pairs_max) return;
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
    const double least_us = std::max(bytes * edge_us_per_byte_, groups_us(bytes));
    return pairs_.size > 0 ? std::max(least_us, pairs_us(bytes)) : least_us;
}

double PeriodBound::own_us(const Group& group, double bytes) const {
    if (group.matrix < 0) return busy_us(group.cost, bytes);
    const PairMatrix& matrix = costs_.matrices[group.matrix];
    double least = infinite;
    for (int a = 0; a < matrix.size; ++a)
        for (int b = a + 1; b < matrix.size; ++b)
            least = std::min(
                least, busy_us(matrix.costs[static_cast<std::size_t>(a) * matrix.size + b], bytes));
    return least;
}

// The units of a group are joined by links of that group; else each has its own link to the
// outside, and the uplink carries them all. Any link has another beside it at one of its ends,
// which therefore has a child. And in a group of three members either one has two links within it,
// or half of them at least have links to the outside.
double PeriodBound::groups_us(double bytes) const {
    const double combine = bytes * costs_.reduce_us_per_byte;
    std::vector<double> own(units_.size(), infinite), within(units_.size(), infinite);
    for (std::size_t index = units_.size(); index-- > 0;) {
        const Group& group = costs_.groups[index];
        if (units_[index] >= 2) own[index] = own_us(group, bytes);
        within[index] = std::min(within[index], own[index]);
        if (index > 0) within[group.parent] = std::min(within[group.parent], within[index]);
    }
    const double beside = within[0] + combine;
    double bound = 0;
    std::vector<double> joint(units_.size(), 0);  // the cheapest link that its units can have
    for (std::size_t index = 0; index < units_.size(); ++index) {
        const Group& group = costs_.groups[index];
        const double uplink = bytes * group.uplink_us_per_byte;
        const double around = index > 0 ? joint[group.parent] : infinite;
        joint[index] = std::min(own[index], around);
        double joined = own[index] + beside, twice = 2 * within[index] + combine;
        if (group.size() < costs_.size()) {
            joined = std::min(joined, std::max(around + beside, units_[index] * uplink));
            twice = std::min(twice, (group.size() + 1) / 2 * uplink);
        }
        if (units_[index] >= 2) bound = std::max(bound, joined);
        if (group.size() >= 3) bound = std::max(bound, twice);
    }
    return bound;
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
