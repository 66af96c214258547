// SPDX-License-Identifier: Apache-2.0
#include "topology/link/nesting.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

/// Members that have something in common, directly or through others (Galler and Fischer: "An
/// improved equivalence algorithm", CACM 7, 1964). The lowest member stands for its set.
class Sets {
  public:
    explicit Sets(int members) : lowest_(static_cast<std::size_t>(members)) {
        std::iota(lowest_.begin(), lowest_.end(), 0);
    }
    int find(int member) {
        int& above = lowest_[static_cast<std::size_t>(member)];
        while (above != lowest_[static_cast<std::size_t>(above)])
            above = lowest_[static_cast<std::size_t>(above)];
        return above;
    }
    void join(int a, int b) {
        const int of_a = find(a);
        const int of_b = find(b);
        lowest_[static_cast<std::size_t>(std::max(of_a, of_b))] = std::min(of_a, of_b);
    }

  private:
    std::vector<int> lowest_;
};

// For each level, the lowest member of everybody's set, the farthest level first.
std::vector<std::vector<int>> labels_of(int members, const std::vector<NestingLevel>& levels) {
    std::vector<std::vector<int>> labels;
    Sets sets(members);
    for (const NestingLevel& level : levels) {
        std::unordered_map<int, int> first_with;
        for (int member = 0; member < members; ++member) {
            const int key = level.key[static_cast<std::size_t>(member)];
            if (key != 0) sets.join(first_with.emplace(key, member).first->second, member);
        }
        std::vector<int>& label = labels.emplace_back();
        for (int member = 0; member < members; ++member) label.push_back(sets.find(member));
    }
    std::reverse(labels.begin(), labels.end());
    return labels;
}

}  // namespace

int GroupBuilder::add(const Group& group) {
    if (group.size() < 2 && group.parent >= 0) return group.parent;
    if (group.parent >= 0) {
        Group& parent = groups_[static_cast<std::size_t>(group.parent)];
        if (parent.begin == group.begin && parent.end == group.end) {
            parent.cost = group.cost;
            parent.matrix = group.matrix;
            parent.uplink_us_per_byte =
                std::max(parent.uplink_us_per_byte, group.uplink_us_per_byte);
            return group.parent;
        }
    }
    groups_.push_back(group);
    return static_cast<int>(groups_.size()) - 1;
}

void GroupBuilder::add(const std::vector<Group>& nested, int parent, int begin, int matrix,
                       double uplink_us_per_byte) {
    // Groups of `nested` keep their order, so that most numbers move by the same distance; only the
    // whole may be one with `parent`.
    int whole = parent;
    const auto first = static_cast<int>(groups_.size());
    int moved = 0;
    for (std::size_t index = 0; index < nested.size(); ++index) {
        Group group = nested[index];
        group.begin += begin;
        group.end += begin;
        if (index == 0) {
            group.parent = parent;
            group.matrix = matrix;
            group.uplink_us_per_byte = std::max(group.uplink_us_per_byte, uplink_us_per_byte);
            whole = add(group);
            moved = whole == first ? first : first - 1;
        } else {
            group.parent = group.parent == 0 ? whole : group.parent + moved;
            groups_.push_back(group);
        }
    }
}

Nesting nest(int members, const std::vector<NestingLevel>& levels, const LinkCost& whole) {
    check(members >= 1, "groups of no members");
    const std::vector<std::vector<int>> labels = labels_of(members, levels);
    Nesting nesting;
    nesting.order.resize(static_cast<std::size_t>(members));
    std::iota(nesting.order.begin(), nesting.order.end(), 0);
    std::sort(nesting.order.begin(), nesting.order.end(), [&](int a, int b) {
        for (const std::vector<int>& label : labels) {
            const int of_a = label[static_cast<std::size_t>(a)];
            const int of_b = label[static_cast<std::size_t>(b)];
            if (of_a != of_b) return of_a < of_b;
        }
        return a < b;
    });
    GroupBuilder builder;
    builder.add({.end = members, .cost = whole});
    std::vector<int> group_of(static_cast<std::size_t>(members), 0);
    for (std::size_t far = 0; far < labels.size(); ++far) {
        const NestingLevel& level = levels[labels.size() - 1 - far];
        const auto label_at = [&](int position) {
            const int member = nesting.order[static_cast<std::size_t>(position)];
            return labels[far][static_cast<std::size_t>(member)];
        };
        for (int begin = 0, end = 0; begin < members; begin = end) {
            for (end = begin + 1; end < members && label_at(end) == label_at(begin);) ++end;
            const auto first =
                static_cast<std::size_t>(nesting.order[static_cast<std::size_t>(begin)]);
            const double uplink =
                level.uplink_us_per_byte.empty() ? 0 : level.uplink_us_per_byte[first];
            const int group = builder.add({.parent = group_of[static_cast<std::size_t>(begin)],
                                           .begin = begin,
                                           .end = end,
                                           .cost = level.cost,
                                           .uplink_us_per_byte = uplink});
            std::fill(group_of.begin() + begin, group_of.begin() + end, group);
        }
    }
    nesting.groups = builder.take();
    return nesting;
}

}  // namespace ipcrun::topology
