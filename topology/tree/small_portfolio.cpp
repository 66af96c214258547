// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "topology/tree/greedy.hpp"
#include "topology/tree/portfolio.hpp"
#include "topology/tree/search.hpp"

namespace ipcrun::topology {

namespace {

// Trees times members that searches may look at, in all, and for each pair of members: a tenth of a
// second at most.
constexpr double steps_max = 4e5;
constexpr double pair_steps_max = 4000;
constexpr int searches = 3;
// Beyond, look-ahead and paths do not begin at every member.
constexpr int all_roots_max = 24;

/// Distinct trees, fastest first.
class Starts {
  public:
    Starts(PairTimes& times, int degree_max) : times_(times), degree_max_(degree_max) {}

    void offer(std::vector<int> parent) {
        if (degree_max_ > 0) {
            std::vector<int> children(parent.size(), 0);
            for (const int above : parent)
                if (above >= 0 && ++children[above] > degree_max_) return;
        }
        times_.forget_segments();
        const double us = times_.us(parent, std::numeric_limits<double>::infinity());
        trees_.emplace(us, std::move(parent));
    }

    /// The fastest of those that are there, at most `count`.
    std::vector<std::vector<int>> fastest(int count) const {
        std::vector<std::vector<int>> list;
        for (auto tree = trees_.begin(); tree != trees_.end() && count > 0; ++tree, --count)
            list.push_back(tree->second);
        return list;
    }

  private:
    PairTimes& times_;
    int degree_max_;
    std::map<double, std::vector<int>> trees_ = {};  ///< by T
};

}  // namespace

void Portfolio::offer_small() {
    PairTimes times(costs_, wish_.bytes);
    Starts starts(times, wish_.degree_max);
    starts.offer(best_.tree.parent);
    const int size = costs_.size();
    const int stride = size <= all_roots_max ? 1 : size / 8;
    // One message, one of many segments, and what the latency of segments leaves.
    for (const double bytes : {wish_.bytes, wish_.bytes / 16, wish_.bytes / 256}) {
        for (int root = 0; root < size; ++root) {
            starts.offer(earliest_tree(times, bytes, root, wish_.degree_max, false));
            if (root % stride == 0)
                starts.offer(earliest_tree(times, bytes, root, wish_.degree_max, true));
        }
        if (best_.time.segments == 1) break;
        for (const int links : {2, 3, wish_.degree_max == 0 ? 0 : wish_.degree_max + 1})
            starts.offer(cheapest_links_tree(times, bytes, links));
        for (int first = 0; first < size; first += stride)
            for (const bool from_middle : {false, true})
                starts.offer(nearest_path(times, bytes, first, from_middle));
    }
    for (std::vector<int>& parent : starts.fastest(1)) offer(tree_of(parent), "earliest");
    const double steps = std::min(steps_max, pair_steps_max * size * size) / searches;
    for (std::vector<int>& parent : starts.fastest(searches)) {
        improve(parent, times, wish_.degree_max, steps);
        offer(tree_of(std::move(parent)), "search");
    }
}

}  // namespace ipcrun::topology
