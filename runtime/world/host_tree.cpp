// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_tree.hpp"

#include <utility>

#include "runtime/member_tree.hpp"
#include "topology/link/nesting.hpp"

namespace ipcrun {

namespace {

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// Who is below this host's members, in the order in which they get their places: who speaks for
// other hosts early, for they are farther away.
std::vector<int> followers(const HostLayout& layout, int host) {
    const std::vector<int>& members = layout.members_on[index(host)];
    std::vector<int> result;
    for (const int other : {2 * host + 1, 2 * host + 2}) {
        if (other < layout.hosts()) result.push_back(layout.members_on[index(other)][0]);
        // So that the second has one to follow.
        if (other == 2 * host + 1 && members.size() > 1) result.push_back(members[1]);
    }
    if (members.size() > 2) result.insert(result.end(), members.begin() + 2, members.end());
    return result;
}

// Of messages between the members. Where those of other hosts are bound is not known here.
topology::SpotCosts costs_of(const HostLayout& layout) {
    using topology::LinkClass;
    const topology::CostTable table = topology::default_costs();
    topology::NestingLevel host{.cost = table.of(LinkClass::machine), .key = {}};
    for (const int number : layout.host_of) host.key.push_back(number + 1);
    topology::Nesting nesting = topology::nest(layout.size(), {host}, table.of(LinkClass::network));
    return {topology::group_costs(layout.size(), std::move(nesting.groups), {},
                                  table.reduce_us_per_byte),
            std::move(nesting.order)};
}

}  // namespace

topology::Tree tree_over_hosts(const HostLayout& layout) {
    std::vector<int> parents(index(layout.size()), -1);
    for (int host = 0; host < layout.hosts(); ++host) {
        const std::vector<int>& members = layout.members_on[index(host)];
        int places = 0;  // taken below members of this host, two below each
        for (const int follower : followers(layout, host))
            parents[index(follower)] = members[index(places++ / 2)];
    }
    return topology::tree_of(std::move(parents));
}

topology::Tree planned_over_hosts(const HostLayout& layout, std::span<const int> parents) {
    std::vector<int> member_of(parents.size());
    for (int member = 0; member < layout.size(); ++member)
        member_of[index(layout.ranks[index(member)])] = member;
    std::vector<int> of_members;
    for (const int rank : layout.ranks) {
        const int parent = parents[index(rank)];
        of_members.push_back(parent < 0 ? -1 : member_of[index(parent)]);
    }
    return planned_tree(std::move(of_members), costs_of(layout));
}

}  // namespace ipcrun
