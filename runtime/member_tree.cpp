// SPDX-License-Identifier: Apache-2.0
#include "runtime/member_tree.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/wire/tree_parents.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun {

namespace {

using topology::Tree;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

topology::Spot spot_of(const RankPlace& place) {
    const auto number = [](std::uint32_t word) { return static_cast<int>(word); };
    return {.package = number(place.package),
            .numa_node = number(place.numa),
            .last_level_cache = number(place.last_level_cache),
            .l2 = number(place.l2),
            .core = number(place.core)};
}

// By member; what is no tree where this communicator has not all ranks, or nobody planned.
std::vector<int> planned_parents(const Group& group) {
    std::vector<int> member_of(index(group.control().ranks()), -1);
    for (int member = 0; member < group.size(); ++member)
        member_of[index(group.identity().members[index(member)])] = member;
    std::vector<int> parents(index(group.size()), -1);
    // Where there are other hosts, what was planned is about their ranks, too.
    if (group.size() != group.control().ranks() || !group.identity().ranks.empty()) return {};
    for (int member = 0; member < group.size(); ++member) {
        const std::uint32_t word = group.slot(member).place.tree_parent;
        if (word > member_of.size()) return {};
        if (word > 0) parents[index(member)] = member_of[word - 1];
    }
    return parents;
}

}  // namespace

topology::SpotCosts costs_of_members(const Group& group) {
    std::vector<topology::Spot> spots;
    for (int member = 0; member < group.size(); ++member)
        spots.push_back(spot_of(group.slot(member).place));
    return topology::costs_of_spots(spots, topology::default_costs());
}

Tree tree_of_members(const Group& group) {
    const topology::SpotCosts costs = costs_of_members(group);
    std::vector<int> parents = planned_parents(group);
    if (is_tree(parents)) return planned_tree(std::move(parents), costs);
    return renamed(best_tree(costs.costs).tree, costs.order);
}

Tree planned_tree(std::vector<int> parents, const topology::SpotCosts& of_members) {
    const auto& [costs, order] = of_members;
    std::vector<int> position(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) position[index(order[i])] = static_cast<int>(i);
    Tree planned = renamed(topology::tree_of(std::move(parents)), position);
    order_children(planned, costs, topology::TreeWish().bytes);
    return renamed(planned, order);
}

// A member is below the one whose number lacks its lowest bit.
Tree tree_by_numbers(int size) {
    std::vector<int> parents(index(size), -1);
    for (int member = 1; member < size; ++member) parents[index(member)] = member & (member - 1);
    return topology::tree_of(std::move(parents));
}

}  // namespace ipcrun
