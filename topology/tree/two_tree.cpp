// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <vector>

#include "base/fail.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun::topology {

namespace {

/// Above `label` in the tree that has the labels 1 to n in its order: odd ones are leaves, and each
/// zero bit at the end is a level higher. A parent that is not there is stepped over. 0: the root.
int parent_label(int label, int members) {
    const int root = static_cast<int>(std::bit_floor(static_cast<unsigned>(members)));
    if (label == root) return 0;
    do {
        const int last_bit = label & -label;
        label = (label ^ last_bit) | (last_bit << 1);
    } while (label > members);
    return label;
}

/// The members along the machine have the labels that `label_of` gives them.
template <typename LabelOf, typename MemberOf>
Tree in_order_tree(int members, LabelOf label_of, MemberOf member_of) {
    std::vector<int> parent(members, -1);
    for (int member = 0; member < members; ++member) {
        const int above = parent_label(label_of(member), members);
        if (above > 0) parent[member] = member_of(above);
    }
    return tree_of(std::move(parent));
}

}  // namespace

PlannedTwoTree best_two_tree(const Costs& costs, double bytes) {
    const int members = costs.size();
    check(members >= 2, "two trees of one member");
    PlannedTwoTree plan;
    plan.first = in_order_tree(
        members, [](int member) { return member + 1; }, [](int label) { return label - 1; });
    // Odd labels become even ones, so that whoever is a leaf there has children here.
    if (members % 2 == 0) {
        plan.second = in_order_tree(
            members, [&](int member) { return members - member; },
            [&](int label) { return members - label; });
    } else {
        plan.second = in_order_tree(
            members, [&](int member) { return (member + members - 1) % members + 1; },
            [&](int label) { return label % members; });
    }
    const auto order = [&](double half_bytes) {
        order_children(plan.first, costs, half_bytes);
        order_children(plan.second, costs, half_bytes);
    };
    order(bytes / 2);
    plan.time = time_of(plan.first, plan.second, costs, bytes);
    if (plan.time.segments > 1) {
        order(bytes / 2 / plan.time.segments);
        plan.time = time_of(plan.first, plan.second, costs, bytes);
    }
    return plan;
}

}  // namespace ipcrun::topology
