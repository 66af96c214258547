// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/portfolio.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "topology/tree/runs.hpp"
#include "topology/tree/wave.hpp"

namespace ipcrun::topology {

namespace {

// More members get one wave only: a second costs as much again, and gains some percent.
constexpr int waves_members_max = 20'000;
// Chains of so many members at least take longer to go through than any message pays for.
constexpr int path_max = 100'000;

}  // namespace

void Portfolio::offer(Tree tree, std::string_view method) {
    if (wish_.degree_max > 0 && degree_of(tree) > wish_.degree_max) return;
    order_children(tree, costs_, wish_.bytes);
    TreeTime time = time_of(tree, costs_, wish_.bytes);
    if (time.segments > 1) {
        Tree ordered = tree;
        order_children(ordered, costs_, wish_.bytes / time.segments);
        const TreeTime again = time_of(ordered, costs_, wish_.bytes);
        if (again.us < time.us) {
            time = again;
            tree = std::move(ordered);
        }
    }
    if (!best_.method.empty() && time.us >= best_.time.us) return;
    best_.tree = std::move(tree);
    best_.time = time;
    best_.method = method;
}

void Portfolio::offer_wave(int degree_max, double bytes) {
    offer(wave_tree(costs_, {.bytes = bytes, .degree_max = degree_max}), "wave");
}

void Portfolio::offer_chains() {
    offer(position_path(costs_, wish_.degree_max), "path");
    if (wish_.degree_max == 1) return;
    std::vector<int> sizes{1};
    for (const Group& group : costs_.groups)
        if (std::find(sizes.begin(), sizes.end(), group.size()) == sizes.end() &&
            sizes.size() < 8 && group.size() < costs_.size())
            sizes.push_back(group.size());
    for (const int size : sizes) offer(runs_tree(costs_, size), size == 1 ? "binary" : "runs");
}

void Portfolio::offer_large() {
    offer_wave(wish_.degree_max, wish_.bytes);
    const int segments = best_.time.segments;
    if (costs_.size() <= waves_members_max) {
        if (segments > 1) offer_wave(wish_.degree_max, wish_.bytes / segments);
        for (const int degree_max : {2, 3, 4, 8})
            if (wish_.degree_max == 0 || degree_max < wish_.degree_max)
                offer_wave(degree_max, wish_.bytes / best_.time.segments);
    }
    // One message that is not cut has no use for them.
    if (segments > 1) offer_chains();
}

}  // namespace ipcrun::topology
