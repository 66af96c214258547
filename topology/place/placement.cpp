// SPDX-License-Identifier: Apache-2.0
#include "topology/place/placement.hpp"

#include <cstddef>

#include "base/fail.hpp"
#include "topology/place/host_counts.hpp"
#include "topology/place/layout_cache.hpp"
#include "topology/place/rankfile_placement.hpp"

namespace ipcrun::topology {

namespace {

bool numbered_in_turn(const Mapping& mapping) {
    if (mapping.rank_by != RankBy::automatic) return mapping.rank_by == RankBy::host;
    return mapping.map_by.policy == MapBy::Policy::round_robin &&
           mapping.map_by.object == Object::host;
}

}  // namespace

const Place& Placement::place(int rank) const {
    const Seat& seat = this->seat(rank);
    const int layout = layout_of_host[static_cast<std::size_t>(seat.host)];
    return layouts[static_cast<std::size_t>(layout)]
        .places[static_cast<std::size_t>(seat.local_rank)];
}

std::span<const int> Placement::ranks_of(int host) const {
    const auto begin = first_of_host.begin() + host;
    return {ranks.begin() + begin[0], ranks.begin() + begin[1]};
}

Placement place_ranks(const Cluster& cluster, std::optional<int> ranks, const Mapping& mapping) {
    check(!cluster.hosts.empty() && ranks.value_or(1) >= 1, "a placement of no ranks");
    if (!mapping.rankfile.empty()) return place_by_rankfile(cluster, ranks, mapping);
    const std::vector<int> room = capacities(cluster, mapping);
    const std::vector<int> counts = count_by_host(room, ranks, mapping.map_by);
    Placement placement;
    number_ranks(counts, numbered_in_turn(mapping), placement);
    LayoutCache layouts(cluster, mapping);
    for (std::size_t host = 0; host < counts.size(); ++host)
        placement.layout_of_host.push_back(
            layouts.index_of(static_cast<int>(host), counts[host], room[host]));
    placement.layouts = layouts.take();
    return placement;
}

}  // namespace ipcrun::topology
