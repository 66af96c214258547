// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_tree.hpp"

#include <utility>

namespace ipcrun {

topology::Tree tree_over_hosts(const HostLayout& layout) {
    std::vector<int> parents(static_cast<std::size_t>(layout.size()), -1);
    const auto parent_of = [](int number) { return (number - 1) / 2; };
    for (int host = 0; host < layout.hosts(); ++host) {
        const auto& members = layout.members_on[static_cast<std::size_t>(host)];
        const auto leader_of = [&](int other) {
            return layout.members_on[static_cast<std::size_t>(other)][0];
        };
        if (host > 0) parents[static_cast<std::size_t>(members[0])] = leader_of(parent_of(host));
        for (int local = 1; local < static_cast<int>(members.size()); ++local)
            parents[static_cast<std::size_t>(members[static_cast<std::size_t>(local)])] =
                members[static_cast<std::size_t>(parent_of(local))];
    }
    return topology::tree_of(std::move(parents));
}

}  // namespace ipcrun
