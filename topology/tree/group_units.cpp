// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/group_units.hpp"

#include <algorithm>
#include <numeric>

namespace ipcrun::topology {

namespace {

// Counting sort of 0 .. homes.size() - 1 by home; home -1 counts nowhere.
void sort_by_home(const std::vector<int>& homes, std::size_t groups, std::vector<int>& first,
                  std::vector<int>& sorted) {
    first.assign(groups + 1, 0);
    for (const int home : homes)
        if (home >= 0) ++first[home + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    sorted.resize(first.back());
    std::vector<int> next(first.begin(), first.end() - 1);
    for (std::size_t i = 0; i < homes.size(); ++i)
        if (homes[i] >= 0) sorted[next[homes[i]]++] = static_cast<int>(i);
}

}  // namespace

GroupUnits::GroupUnits(const Costs& costs) {
    std::vector<int> parents;
    for (const Group& group : costs.groups) parents.push_back(group.parent);
    sort_by_home(parents, costs.groups.size(), first_group_, groups_);
    sort_by_home(costs.group_of, costs.groups.size(), first_member_, members_);
    for (std::size_t group = 0; group < costs.groups.size(); ++group) {
        std::sort(groups_.begin() + first_group_[group], groups_.begin() + first_group_[group + 1],
                  [&](int a, int b) {
                      const Group &left = costs.groups[a], &right = costs.groups[b];
                      if (left.size() != right.size()) return left.size() > right.size();
                      return left.begin < right.begin;
                  });
    }
}

}  // namespace ipcrun::topology
