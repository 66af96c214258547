// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "launcher/show/make_overview.hpp"

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
    void add(LinkClass link_class, const LinkCost& cost, std::int64_t pairs,
             bool is_measured = false) {
        ClassOfLinks& row = rows_[static_cast<std::size_t>(link_class)];
        if (row.pairs == 0) row = {.link_class = link_class, .least = cost, .most = cost};
        row.pairs += pairs;
        row.measured = row.measured || is_measured;
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
            counter.add(links.class_between(a, b), matrix.costs[i * matrix.size + j], times,
                        links.is_measured(a, b));
        }
    }
}

/// Two positions of `group` that have no smaller group in common, if there are.
std::optional<std::pair<int, int>> far_pair(const Group& group, int first_child_end) {
    if (first_child_end >= group.end) return std::nullopt;
    return std::pair(group.begin, first_child_end);
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

}  // namespace ipcrun::show
