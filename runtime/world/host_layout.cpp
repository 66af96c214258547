// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_layout.hpp"

#include <algorithm>
#include <map>

namespace ipcrun {

HostLayout::HostLayout(const JobTable& table, std::vector<int> all, int own_rank)
    : ranks(std::move(all)),
      own(static_cast<int>(std::ranges::find(ranks, own_rank) - ranks.begin())) {
    std::map<int, int> index_of;  // by host of the job
    for (int member = 0; member < size(); ++member) {
        const int host = table.host_of(ranks[static_cast<std::size_t>(member)]);
        const auto [entry, is_new] = index_of.try_emplace(host, hosts());
        if (is_new) members_on.emplace_back();
        auto& others = members_on[static_cast<std::size_t>(entry->second)];
        host_of.push_back(entry->second);
        local_of.push_back(static_cast<int>(others.size()));
        others.push_back(member);
    }
    own_host = host_of[static_cast<std::size_t>(own)];
}

}  // namespace ipcrun
