// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/member_classes.hpp"

#include <numeric>

namespace ipcrun::topology {

namespace {

// Up to here every member is compared with all others.
constexpr int compared_max = 64;

/// For each group the largest one around it in which all pairs cost the same.
std::vector<int> even_groups(const Costs& costs) {
    std::vector<int> even(costs.groups.size());
    std::iota(even.begin(), even.end(), 0);
    for (std::size_t index = 1; index < costs.groups.size(); ++index) {
        const Group& group = costs.groups[index];
        if (group.matrix < 0 && group.cost == costs.groups[group.parent].cost)
            even[index] = even[group.parent];
    }
    return even;
}

class Interchange {
  public:
    explicit Interchange(const Costs& costs) : costs_(costs), even_(even_groups(costs)) {}

    bool possible(int a, int b) const {
        if (costs_.size() <= compared_max) return same_rows(a, b, 0, costs_.size());
        const Group& group = costs_.groups[costs_.group_of[a]];
        if (group.matrix < 0) return even_[costs_.group_of[a]] == even_[costs_.group_of[b]];
        return costs_.group_of[a] == costs_.group_of[b] && same_rows(a, b, group.begin, group.end);
    }

  private:
    bool same_rows(int a, int b, int begin, int end) const {
        for (int other = begin; other < end; ++other) {
            if (other == a || other == b) continue;
            if (!(costs_.between(a, other) == costs_.between(b, other))) return false;
        }
        return true;
    }

    const Costs& costs_;
    std::vector<int> even_;
};

}  // namespace

std::optional<MemberClasses> classes_of(const Costs& costs, int classes_max) {
    MemberClasses classes;
    const Interchange interchange(costs);
    for (int member = 0; member < costs.size(); ++member) {
        int found = 0;
        while (found < classes.size() && !interchange.possible(classes.members[found][0], member))
            ++found;
        if (found == classes_max) return std::nullopt;
        if (found == classes.size()) classes.members.emplace_back();
        classes.class_of.push_back(found);
        classes.members[found].push_back(member);
    }
    for (const std::vector<int>& rows : classes.members) {
        for (const std::vector<int>& columns : classes.members) {
            const int column = &rows == &columns ? columns.back() : columns[0];
            classes.costs.push_back(rows[0] == column ? LinkCost{}
                                                      : costs.between(rows[0], column));
        }
    }
    return classes;
}

}  // namespace ipcrun::topology
