// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/bound.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "topology/tree/best_tree.hpp"
#include "topology/tree/growth.hpp"
#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

namespace {

// Up to here shortest paths between all pairs count.
constexpr int paths_max = 64;
// How many numbers of segments are looked at closely, with the bytes of their segments, by the
// exact algorithm and without it; the others have what follows from these.
constexpr int exact_looks_max = 4, close_looks_max = 8;
constexpr double infinite = std::numeric_limits<double>::infinity();

struct Cut {
    int segments = 1;
    double period_us = 0;
    double once_us = 0;
    bool close = false;

    double us() const { return std::max(once_us, period_us) + (segments - 1) * period_us; }
};

}  // namespace

TreeBound::TreeBound(const Costs& costs, int degree_max, ExactTrees* exact)
    : costs_(costs),
      degree_max_(degree_max),
      exact_(exact != nullptr && exact->affordable() ? exact : nullptr) {
    if (costs.size() >= 3) period_.emplace(costs);
}

// Whoever is farthest from the root: the least that this can be, over shortest paths.
double TreeBound::reach_us(double bytes) const {
    const int size = costs_.size();
    if (size > paths_max) return 0;
    std::vector<double> way(static_cast<std::size_t>(size) * size, 0);
    for (int a = 0; a < size; ++a) {
        for (int b = 0; b < size; ++b) {
            if (a == b) continue;
            const LinkCost cost = costs_.between(a, b);
            way[a * size + b] = cost.latency_us + cost.gap_us +
                                bytes * (cost.us_per_byte + costs_.reduce_us_per_byte / 2);
        }
    }
    for (int via = 0; via < size; ++via)
        for (int a = 0; a < size; ++a)
            for (int b = 0; b < size; ++b)
                way[a * size + b] =
                    std::min(way[a * size + b], way[a * size + via] + way[via * size + b]);
    double least = infinite;
    for (int root = 0; root < size; ++root)
        least = std::min(
            least, *std::max_element(way.begin() + root * size, way.begin() + (root + 1) * size));
    return least;
}

double TreeBound::ready_us(double bytes) const {
    if (exact_ != nullptr) return exact_->best(bytes).ready_us;
    return std::max(growth_bound_us(costs_, bytes, degree_max_), reach_us(bytes));
}

double TreeBound::us(double bytes) const {
    if (costs_.size() < 2) return 0;
    if (costs_.size() == 2) return time_of(tree_of({-1, 0}), costs_, bytes).us;
    const double empty_us = 2 * ready_us(0);
    std::vector<Cut> cuts;
    for (int segments = 1; segments <= segments_max; segments *= 2)
        cuts.push_back({segments, period_->us(bytes / segments), empty_us});
    const auto fastest = [&] {
        return std::min_element(cuts.begin(), cuts.end(),
                                [](const Cut& a, const Cut& b) { return a.us() < b.us(); });
    };
    const int looks = exact_ != nullptr ? exact_looks_max : close_looks_max;
    for (int look = 0; look < looks && !fastest()->close; ++look) {
        const Cut now = *fastest();
        fastest()->close = true;
        const double once_us = 2 * ready_us(bytes / now.segments);
        // More bytes take no less; a part of the bytes takes at least that part of the time.
        for (Cut& cut : cuts)
            cut.once_us =
                std::max(cut.once_us, once_us * std::min(1.0, 1.0 * now.segments / cut.segments));
    }
    return fastest()->us();
}

double tree_bound_us(const Costs& costs, double bytes, int degree_max) {
    ExactTrees exact(costs, degree_max);
    return TreeBound(costs, degree_max, &exact).us(bytes);
}

}  // namespace ipcrun::topology
