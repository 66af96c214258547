// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_tree.hpp"

#include <utility>

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

}  // namespace ipcrun
