// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/make_overview.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace ipcrun::show {

namespace {

using topology::Costs;
using topology::LinkClass;
using topology::Links;

// Fewer take milliseconds; and each thread takes a hundred bytes for every rank.
constexpr int threads_pay_ranks = 20'000;
constexpr unsigned threads_max = 4;

ShownTree shown_tree(const Links& links, const topology::PlannedTree& planned,
                     const topology::TreeWish& wish) {
    ShownTree shown{.planned = planned, .bytes = wish.bytes, .degree_max = wish.degree_max};
    shown.planned.tree = topology::renamed(planned.tree, links.rank_at());
    const topology::Tree& tree = shown.planned.tree;
    shown.class_to_parent.assign(tree.size(), LinkClass::self);
    const bool keeps_links = tree.size() <= tree_links_ranks_max;
    if (keeps_links) shown.cost_to_parent.resize(tree.size());
    std::vector<int> level = {tree.root}, next;
    while (!level.empty()) {
        TreeLevel& row = shown.levels.emplace_back();
        row.ranks = static_cast<std::int64_t>(level.size());
        next.clear();
        for (const int rank : level) {
            const auto children = tree.children_of(rank);
            next.insert(next.end(), children.begin(), children.end());
            shown.degree = std::max(shown.degree, static_cast<int>(children.size()));
            if (rank == tree.root) continue;
            const int parent = tree.parent[rank];
            const LinkClass link_class = links.class_between(rank, parent);
            shown.class_to_parent[rank] = link_class;
            ++row.edges[static_cast<std::size_t>(link_class)];
            if (keeps_links) shown.cost_to_parent[rank] = links.between(rank, parent).cost;
        }
        level.swap(next);
    }
    return shown;
}

}  // namespace

Overview make_overview(const topology::Cluster& cluster, const topology::Placement& placement,
                       const Links& links, const topology::PlannedTree& planned,
                       const topology::TreeWish& wish) {
    Overview overview{.cluster = cluster, .placement = placement};
    overview.tree = shown_tree(links, planned, wish);
    overview.classes = count_classes(links);
    const int ranks = placement.size();
    if (ranks > pairs_ranks_max) return overview;
    for (int a = 0; a < ranks; ++a)
        for (int b = 0; b < ranks; ++b)
            overview.pairs.push_back(a == b ? topology::Link() : links.between(a, b));
    return overview;
}

std::vector<TimesOfSize> predict_sizes(const Costs& costs,
                                       const std::optional<topology::SharedMemoryCosts>& shared,
                                       std::span<const double> sizes, int degree_max) {
    std::vector<TimesOfSize> rows(sizes.size());
    std::atomic<std::size_t> next = 0;
    const auto predict = [&] {
        for (std::size_t i = next++; i < sizes.size(); i = next++)
            rows[i] = {sizes[i], topology::predict_allreduce(costs, shared, sizes[i], degree_max)};
    };
    const unsigned threads = costs.size() < threads_pay_ranks
                                 ? 1
                                 : std::min({std::thread::hardware_concurrency(), threads_max,
                                             static_cast<unsigned>(sizes.size())});
    // Where no thread is to be had, there is nothing left for it to do when it is asked for.
    std::vector<std::future<void>> helpers;
    for (unsigned helper = 1; helper < threads; ++helper)
        helpers.push_back(std::async(std::launch::async | std::launch::deferred, predict));
    predict();
    for (std::future<void>& helper : helpers) helper.get();
    return rows;
}

}  // namespace ipcrun::show
