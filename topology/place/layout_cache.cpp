// SPDX-License-Identifier: Apache-2.0
#include "topology/place/layout_cache.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/fail.hpp"
#include "topology/place/bound_place.hpp"
#include "topology/place/gpu_shares.hpp"
#include "topology/place/nic_choice.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

namespace {

bool shares_gpus_out(const Machine& machine, const Mapping& mapping) {
    return mapping.gpus && !machine.gpus.empty();
}

std::vector<Share> even_shares(const Machine& machine, const Mapping& mapping, int ranks) {
    return shares_gpus_out(machine, mapping) ? shares_near_gpus(machine, ranks)
                                             : cut_into_shares(machine, all_cores(machine), ranks);
}

// For `full` of these, the first `ranks` are taken: what a rank gets does not depend on how many
// come after it.
std::vector<Share> packed_shares(const Machine& machine, const Mapping& mapping, int full) {
    const Object object = mapping.map_by.object;
    if (object == Object::host || object == Object::gpu) return even_shares(machine, mapping, full);
    return pack_on_objects(machine, object, mapping.map_by.count);
}

std::vector<Share> shares_on(const Machine& machine, const Mapping& mapping, int ranks,
                             int capacity) {
    std::vector<Share> shares;
    switch (mapping.map_by.policy) {
        case MapBy::Policy::automatic:
            return even_shares(machine, mapping, ranks);
        case MapBy::Policy::slot:
            shares = cut_into_shares(machine, all_cores(machine), std::max(ranks, capacity));
            break;
        case MapBy::Policy::round_robin: {
            const Object object = mapping.map_by.object;
            if (object == Object::host || object == Object::gpu)
                return even_shares(machine, mapping, ranks);
            shares = deal_to_objects(machine, object, ranks);
            break;
        }
        case MapBy::Policy::packed:
            shares = packed_shares(machine, mapping, capacity);
            break;
    }
    shares.resize(static_cast<std::size_t>(ranks));
    return shares;
}

std::vector<Place> places_on(const Machine& machine, const Mapping& mapping, int ranks,
                             int capacity) {
    check(!machine.cores.empty() && !machine.numa_nodes.empty(), "a machine without cores");
    std::vector<Share> shares = shares_on(machine, mapping, ranks, capacity);
    if (mapping.rank_by == RankBy::slot)
        std::stable_sort(shares.begin(), shares.end(), [](const Share& left, const Share& right) {
            return std::pair(left.cores.front(), left.thread) <
                   std::pair(right.cores.front(), right.thread);
        });
    if (shares_gpus_out(machine, mapping) && shares.front().gpu < 0) give_gpus(machine, shares);
    std::vector<Place> places = bound_places(machine, shares, mapping.bind_to);
    const std::vector<int> nics = choose_nics(machine, shares);
    for (std::size_t rank = 0; rank < places.size(); ++rank) places[rank].nic = nics[rank];
    return places;
}

}  // namespace

LayoutCache::LayoutCache(const Cluster& cluster, const Mapping& mapping)
    : cluster_(cluster), mapping_(mapping) {}

int LayoutCache::index_of(int host, int ranks, int capacity) {
    if (ranks == 0) return -1;
    const int machine = cluster_.hosts[static_cast<std::size_t>(host)].machine;
    // Only where shares are laid out for all slots does their number matter.
    const bool by_capacity = mapping_.map_by.policy == MapBy::Policy::slot ||
                             mapping_.map_by.policy == MapBy::Policy::packed;
    const auto [layout, is_new] = known_.emplace(
        std::tuple(machine, ranks, by_capacity ? capacity : 0), static_cast<int>(layouts_.size()));
    if (is_new)
        layouts_.push_back(
            {machine, places_on(cluster_.machine_of(host), mapping_, ranks, capacity)});
    return layout->second;
}

}  // namespace ipcrun::topology
