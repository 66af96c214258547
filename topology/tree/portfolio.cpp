// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/portfolio.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "topology/tree/ordered_time.hpp"
#include "topology/tree/runs.hpp"
#include "topology/tree/wave.hpp"

namespace ipcrun::topology {

namespace {

// More members get one wave or two, and fewer chains: others cost as much again, and gain some
// percent.
constexpr int all_waves_max = 20'000, some_waves_max = 100'000;
// What members and edges carry hardly counts for less.
constexpr double load_counts_bytes = 1024;
// From here on a tree that is not cut may lose to one that is, also where the wave is not.
constexpr double cut_bytes = 16384;
constexpr std::size_t chains_max = 8, few_chains_max = 2;
// A chain of more takes longer to go through than any message pays for.
constexpr int path_max = 100'000;
// Chains are within a host; groups larger than that are switches.
constexpr int run_max = 1024;
// See WaveWish: members far away at once, or only when all nearby have the value.
constexpr double outside_first = 1e9, inside_first = 0;

}  // namespace

void Portfolio::offer(Tree tree, std::string_view method) {
    if (wish_.degree_max > 0 && degree_of(tree) > wish_.degree_max) return;
    const double least_us =
        best_.method.empty() ? std::numeric_limits<double>::infinity() : best_.time.us;
    const TreeTime time = order_for_least_time(tree, costs_, wish_.bytes, least_us);
    if (time.us >= least_us) return;
    best_.tree = std::move(tree);
    best_.time = time;
    best_.method = method;
}

void Portfolio::offer_wave(int degree_max, double bytes) {
    const auto wave = [&](double eagerness, bool helps) {
        offer(tree_of(wave_parents(costs_, {.bytes = bytes,
                                            .degree_max = degree_max,
                                            .eagerness = eagerness,
                                            .helps = helps})),
              "wave");
    };
    // Groups that are entered once load their uplinks less.
    const bool is_heavy = wish_.bytes >= load_counts_bytes;
    if (is_heavy) wave(inside_first, false);
    if (!is_heavy || costs_.size() <= some_waves_max) wave(inside_first, true);
    if (costs_.size() > all_waves_max) return;
    for (const double eagerness : {0.125, 0.5, outside_first}) wave(eagerness, true);
    wave(outside_first, false);
}

void Portfolio::offer_chains() {
    if (costs_.size() <= path_max) offer(position_path(costs_, wish_.degree_max), "path");
    if (wish_.degree_max == 1) return;
    const std::size_t most = costs_.size() <= all_waves_max ? chains_max : few_chains_max;
    std::vector<int> sizes{1};
    for (const Group& group : costs_.groups)
        if (group.size() <= run_max && sizes.size() < most &&
            std::find(sizes.begin(), sizes.end(), group.size()) == sizes.end())
            sizes.push_back(group.size());
    for (const int size : sizes) offer(runs_tree(costs_, size), size == 1 ? "binary" : "chains");
}

void Portfolio::offer_large() {
    offer_wave(wish_.degree_max, wish_.bytes);
    const int segments = best_.time.segments;
    if (costs_.size() <= all_waves_max) {
        if (segments > 1) offer_wave(wish_.degree_max, wish_.bytes / segments);
        for (const int degree_max : {2, 3, 4, 8})
            if (wish_.degree_max == 0 || degree_max < wish_.degree_max)
                offer_wave(degree_max, wish_.bytes / best_.time.segments);
    }
    const double chains_bytes = costs_.size() <= some_waves_max ? load_counts_bytes : cut_bytes;
    if (segments > 1 || wish_.bytes >= chains_bytes) offer_chains();
}

}  // namespace ipcrun::topology
