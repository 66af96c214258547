// SPDX-License-Identifier: Apache-2.0
#include "topology/place/placement.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

/// Neighbouring cores [begin, end) of Machine::cores.
struct Share {
    int begin = 0;
    int end = 0;
    bool owned = true;  ///< no other rank has these cores
};

// What a set of cuts between shares is worth: how many fall on boundaries of packages, of NUMA
// nodes, of last-level caches, and how far (negative) they are from an even spread, compared in
// this order.
using Worth = std::array<std::int64_t, 4>;
constexpr Worth unreachable{-1};

Worth worth_of_cut(const Core& left, const Core& right) {
    if (left.package != right.package) return {1};
    if (left.numa_node != right.numa_node) return {0, 1};
    return {0, 0, left.last_level_cache != right.last_level_cache ? 1 : 0};
}

void add(Worth& sum, const Worth& worth) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += worth[i];
}

// At least as many cores as ranks. Every rank gets `least` cores and `extra` of them one more;
// which ones is free, so the choice is the one whose cuts fall on the most valuable boundaries.
// Exact, by dynamic programming over (ranks served, extras given): O(ranks x extra) steps.
std::vector<Share> split_cores(const std::vector<Core>& cores, int ranks) {
    const int count = static_cast<int>(cores.size());
    const int least = count / ranks;
    const int extra = count % ranks;
    const auto width = static_cast<std::size_t>(extra) + 1;
    // best[i * width + k]: the worth of the cuts behind rank i - 1 and later, k extras being given.
    std::vector<Worth> best((static_cast<std::size_t>(ranks) + 1) * width, unreachable);
    const auto at = [&](int rank, int given) -> Worth& {
        return best[static_cast<std::size_t>(rank) * width + static_cast<std::size_t>(given)];
    };
    at(ranks, extra) = {};
    for (int rank = ranks - 1; rank >= 0; --rank) {
        for (int given = 0; given <= std::min(rank, extra); ++given) {
            Worth& worth = at(rank, given);
            worth = at(rank + 1, given);
            if (given < extra) worth = std::max(worth, at(rank + 1, given + 1));
            const int cut = rank * least + given;
            if (cut == 0 || worth == unreachable) continue;
            const auto right = cores.begin() + cut;
            add(worth, worth_of_cut(right[-1], right[0]));
            worth[3] -= std::abs(std::int64_t{cut} * ranks - std::int64_t{rank} * count);
        }
    }
    std::vector<Share> shares;
    int begin = 0;
    for (int rank = 0, given = 0; rank < ranks; ++rank) {
        // Never past `extra`: what lies there is unreachable.
        const bool large = given < extra && at(rank + 1, given + 1) >= at(rank + 1, given);
        given += large ? 1 : 0;
        const int end = begin + least + (large ? 1 : 0);
        shares.push_back({begin, end, true});
        begin = end;
    }
    return shares;
}

std::vector<Share> shares_of(const std::vector<Core>& cores, int ranks) {
    const auto count = static_cast<std::int64_t>(cores.size());
    if (ranks <= count) return split_cores(cores, ranks);
    std::vector<Share> shares;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        const int core = static_cast<int>(rank * count / ranks);
        shares.push_back({core, core + 1, false});
    }
    return shares;
}

// Does a rank with this share also get `core`?
bool reaches(const Machine& machine, const Share& share, BindTo bind_to, int index) {
    const auto in_share = [&](auto&& same) {
        const auto first = machine.cores.begin() + share.begin;
        return std::any_of(first, machine.cores.begin() + share.end, same);
    };
    const Core& core = machine.cores[static_cast<std::size_t>(index)];
    switch (bind_to) {
        case BindTo::automatic:
            return share.begin <= index && index < share.end;
        case BindTo::none:
            return true;
        case BindTo::hwthread:
        case BindTo::core:
            return index == share.begin;
        case BindTo::l3:
            return in_share(
                [&](const Core& own) { return own.last_level_cache == core.last_level_cache; });
        case BindTo::numa:
            return in_share([&](const Core& own) { return own.numa_node == core.numa_node; });
        case BindTo::package:
            return in_share([&](const Core& own) { return own.package == core.package; });
    }
    return false;
}

void sort_unique(std::vector<int>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

// 1 + what `of` gives for all cores, or 0.
template <typename Of>
int common_index(const std::vector<Core>& cores, Of of) {
    for (const Core& core : cores)
        if (of(core) != of(cores[0])) return 0;
    return of(cores[0]) + 1;
}

Place place(const Machine& machine, const Share& share, BindTo bind_to) {
    // Only the two wide bindings look beyond the share.
    const bool wide = bind_to != BindTo::automatic && bind_to != BindTo::core;
    const int begin = wide ? 0 : share.begin;
    const int end = wide ? static_cast<int>(machine.cores.size()) : share.end;
    Place result;
    std::vector<Core> cores;
    for (int index = begin; index < end; ++index) {
        if (!reaches(machine, share, bind_to, index)) continue;
        const Core& core = machine.cores[static_cast<std::size_t>(index)];
        cores.push_back(core);
        result.cpus.insert(result.cpus.end(), core.cpus.begin(), core.cpus.end());
        if (bind_to != BindTo::none && machine.numa_nodes.size() > 1)
            result.memory_nodes.push_back(
                machine.numa_nodes.at(static_cast<std::size_t>(core.numa_node)).os_index);
    }
    sort_unique(result.cpus);
    sort_unique(result.memory_nodes);
    if (bind_to != BindTo::none) {
        Spot& spot = result.spot;
        spot.package = common_index(cores, [](const Core& core) { return core.package; });
        spot.numa_node = common_index(cores, [](const Core& core) { return core.numa_node; });
        spot.last_level_cache =
            common_index(cores, [](const Core& core) { return core.last_level_cache; });
        spot.l2 = common_index(cores, [](const Core& core) { return core.l2; });
        if (cores.size() == 1) spot.core = share.begin + 1;
    }
    result.threads = share.owned && bind_to != BindTo::core ? share.end - share.begin : 1;
    return result;
}

std::vector<Place> place_on(const Machine& machine, int ranks, BindTo bind_to) {
    check(ranks >= 1, "a placement of no ranks");
    check(!machine.cores.empty() && !machine.numa_nodes.empty(), "a machine without cores");
    const int threads_max = std::max(usable_cores(machine) / ranks, 1);
    std::vector<Place> places;
    for (const Share& share : shares_of(machine.cores, ranks)) {
        places.push_back(place(machine, share, bind_to));
        if (machine.cpu_quota > 0)
            places.back().threads = std::min(places.back().threads, threads_max);
    }
    return places;
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
    const int count = ranks.value_or(slots_of(cluster, 0));
    Placement placement;
    placement.layouts.push_back({0, place_on(cluster.machine_of(0), count, mapping.bind_to)});
    placement.layout_of_host = {0};
    placement.first_of_host = {0, count};
    for (int rank = 0; rank < count; ++rank) {
        placement.seats.push_back({0, rank});
        placement.ranks.push_back(rank);
    }
    return placement;
}

}  // namespace ipcrun::topology
