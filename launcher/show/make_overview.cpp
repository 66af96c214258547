// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/make_overview.hpp"

#include <algorithm>
#include <map>

namespace ipcrun::show {

namespace {

using topology::Costs;
using topology::Group;
using topology::LinkClass;
using topology::LinkCost;
using topology::Links;

std::int64_t pairs_of(std::int64_t members) {
    return members * (members - 1) / 2;
}

/// A message of a page: by what pairs of a class are told to be cheap or dear.
double page_us(const LinkCost& cost) {
    return cost.latency_us + cost.gap_us + 4096 * cost.us_per_byte;
}

/// Pairs by class; those of one matrix are kept apart until it is known how often it occurs.
class Counter {
  public:
    void add(LinkClass link_class, const LinkCost& cost, std::int64_t pairs) {
        ClassOfLinks& row = rows_[static_cast<std::size_t>(link_class)];
        if (row.pairs == 0) row = {.link_class = link_class, .least = cost, .most = cost};
        row.pairs += pairs;
        if (page_us(cost) < page_us(row.least)) row.least = cost;
        if (page_us(cost) > page_us(row.most)) row.most = cost;
    }

    std::vector<ClassOfLinks> present() const {
        std::vector<ClassOfLinks> present;
        for (const ClassOfLinks& row : rows_)
            if (row.pairs > 0) present.push_back(row);
        return present;
    }

  private:
    std::array<ClassOfLinks, topology::link_classes> rows_ = {};
};

/// Groups of one layout share their matrix, so one of them is looked at.
void add_matrix(const Links& links, const Group& group, std::int64_t times, Counter& counter) {
    const topology::PairMatrix& matrix = links.costs().matrices[group.matrix];
    const auto rank_at = links.rank_at();
    for (int i = 0; i < matrix.size; ++i) {
        for (int j = i + 1; j < matrix.size; ++j) {
            const int a = rank_at[group.begin + i], b = rank_at[group.begin + j];
            counter.add(links.class_between(a, b), matrix.costs[i * matrix.size + j], times);
        }
    }
}

/// Two positions of `group` that have no smaller group in common, if there are.
std::optional<std::pair<int, int>> far_pair(const Group& group, int first_child_end) {
    if (first_child_end >= group.end) return std::nullopt;
    return std::pair(group.begin, first_child_end);
}

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

std::vector<ClassOfLinks> count_classes(const Links& links) {
    const Costs& costs = links.costs();
    std::vector<std::int64_t> pairs(costs.groups.size());
    // Where the first child ends, if it begins where its parent does.
    std::vector<int> first_child_end(costs.groups.size());
    std::map<int, std::pair<std::size_t, std::int64_t>> matrices;  // a group with it; how many
    for (std::size_t index = 0; index < costs.groups.size(); ++index) {
        const Group& group = costs.groups[index];
        pairs[index] += pairs_of(group.size());
        first_child_end[index] = group.begin + 1;
        if (group.matrix >= 0) ++matrices.try_emplace(group.matrix, index, 0).first->second.second;
        if (group.parent < 0) continue;
        pairs[group.parent] -= pairs_of(group.size());
        if (group.begin == costs.groups[group.parent].begin)
            first_child_end[group.parent] = group.end;
    }
    Counter counter;
    const auto rank_at = links.rank_at();
    for (std::size_t index = 0; index < costs.groups.size(); ++index) {
        const Group& group = costs.groups[index];
        const auto far = far_pair(group, first_child_end[index]);
        if (group.matrix >= 0 || pairs[index] == 0 || !far) continue;
        const LinkClass link_class = links.class_between(rank_at[far->first], rank_at[far->second]);
        counter.add(link_class, group.cost, pairs[index]);
    }
    for (const auto& [matrix, group] : matrices)
        add_matrix(links, costs.groups[group.first], group.second, counter);
    return counter.present();
}

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
    for (ClassOfLinks& row : overview.classes) {
        row.measured = std::ranges::any_of(overview.pairs, [&](const topology::Link& link) {
            return link.link_class == row.link_class && link.measured;
        });
    }
    return overview;
}

std::vector<TimesOfSize> predict_sizes(const Costs& costs,
                                       const std::optional<topology::SharedMemoryCosts>& shared,
                                       std::span<const double> sizes, int degree_max) {
    std::vector<TimesOfSize> rows;
    for (const double bytes : sizes)
        rows.push_back({bytes, topology::predict_allreduce(costs, shared, bytes, degree_max)});
    return rows;
}

}  // namespace ipcrun::show
