// SPDX-License-Identifier: Apache-2.0
#include "topology/place/gpu_shares.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

#include "topology/place/gpu_choice.hpp"
#include "topology/place/nearness.hpp"

namespace ipcrun::topology {

namespace {

using Ranks = std::vector<int>;
using Cores = std::vector<int>;

Share& share_of(std::vector<Share>& shares, int rank) {
    return shares[static_cast<std::size_t>(rank)];
}

const Nearness& near_of(const Machine& machine, const Share& share) {
    return machine.gpus[static_cast<std::size_t>(share.gpu)].near;
}

/// Cores that are nearest to the GPUs of the same ranks, equally far.
using Bundles = std::map<std::pair<Distance, Ranks>, Cores>;

// From near to far.
Bundles bundle(const Machine& machine, const std::vector<Share>& shares) {
    Bundles bundles;
    Ranks nearest;
    const Core* previous = nullptr;
    Cores* cores = nullptr;
    for (const int index : all_cores(machine)) {
        const Core& core = machine.cores[static_cast<std::size_t>(index)];
        // Whether the same are nearest is a question of package, node and cache alone.
        const bool alike = previous && previous->package == core.package &&
                           previous->numa_node == core.numa_node &&
                           previous->last_level_cache == core.last_level_cache;
        previous = &core;
        if (!alike) {
            Distance least{Distance::machine, 1e300};
            for (std::size_t rank = 0; rank < shares.size(); ++rank) {
                const Distance far = distance(machine, core, near_of(machine, shares[rank]));
                if (far < least) nearest.clear();
                if (far <= least) nearest.push_back(static_cast<int>(rank));
                least = std::min(least, far);
            }
            cores = &bundles[{least, nearest}];
        }
        cores->push_back(index);
    }
    return bundles;
}

// How many of `count` more cores each gets, so that all come to the same level, as far as they are
// below it; the remainder is spread evenly among those who are on it.
std::vector<int> fill_up(const std::vector<int>& owned, int count) {
    const auto needed = [&](int level) {
        return std::accumulate(
            owned.begin(), owned.end(), std::int64_t{0},
            [&](std::int64_t sum, int own) { return sum + std::max(level - own, 0); });
    };
    int level = 0;
    for (int above = *std::min_element(owned.begin(), owned.end()) + count + 1;
         above - level > 1;) {
        const int middle = level + (above - level) / 2;
        (needed(middle) <= count ? level : above) = middle;
    }
    const std::int64_t rest = count - needed(level);
    const std::int64_t eligible =
        std::count_if(owned.begin(), owned.end(), [&](int own) { return own <= level; });
    std::vector<int> amounts;
    std::int64_t before = 0;
    for (const int own : owned) {
        int amount = std::max(level - own, 0);
        if (own <= level) {
            amount += static_cast<int>((before + 1) * rest / eligible - before * rest / eligible);
            ++before;
        }
        amounts.push_back(amount);
    }
    return amounts;
}

void share_bundle(const Machine& machine, const Ranks& ranks, const Cores& cores,
                  std::vector<Share>& shares) {
    std::vector<int> owned;
    for (const int rank : ranks)
        owned.push_back(static_cast<int>(share_of(shares, rank).cores.size()));
    const auto give = [&](int rank, auto begin, auto end) {
        Cores& own = share_of(shares, rank).cores;
        own.insert(own.end(), begin, end);
    };
    const auto [least, most] = std::minmax_element(owned.begin(), owned.end());
    if (*least == *most && ranks.size() <= cores.size()) {
        auto cut = cut_into_shares(machine, cores, static_cast<int>(ranks.size()));
        for (std::size_t i = 0; i < ranks.size(); ++i)
            give(ranks[i], cut[i].cores.begin(), cut[i].cores.end());
        return;
    }
    const std::vector<int> amounts = fill_up(owned, static_cast<int>(cores.size()));
    auto begin = cores.begin();
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        give(ranks[i], begin, begin + amounts[i]);
        begin += amounts[i];
    }
}

/// Ranks that cut their cores among them anew, and those cores.
struct Pool {
    std::vector<bool> has_rank;
    std::vector<bool> has_core;
    std::int64_t ranks() const { return std::count(has_rank.begin(), has_rank.end(), true); }
    std::int64_t cores() const { return std::count(has_core.begin(), has_core.end(), true); }
};

// All within `reach` of what hangs at `near`. Who has a core or the place of a GPU in common with
// one that takes part does so, too.
Pool pool_around(const Machine& machine, const Nearness& near, const Distance& reach,
                 const std::vector<Share>& shares) {
    Pool pool{std::vector<bool>(shares.size()), {}};
    for (const Core& core : machine.cores)
        pool.has_core.push_back(distance(machine, core, near) <= reach);
    std::vector<Nearness> places = {near};
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t rank = 0; rank < shares.size(); ++rank) {
            const Cores& own = shares[rank].cores;
            const Nearness& place = near_of(machine, shares[rank]);
            const bool known = std::find(places.begin(), places.end(), place) != places.end();
            const bool joins = known || std::any_of(own.begin(), own.end(), [&](int core) {
                                   return bool{pool.has_core[static_cast<std::size_t>(core)]};
                               });
            if (pool.has_rank[rank] || !joins) continue;
            changed = pool.has_rank[rank] = true;
            if (!known) places.push_back(place);
            for (const int core : own) pool.has_core[static_cast<std::size_t>(core)] = true;
        }
    }
    return pool;
}

// A rank came away with nothing, and maybe others of its kind: they and those who have the cores
// near to their GPUs throw all that they have together and cut it anew; with those who have the
// next nearest, while ranks would be closer together than they need to be on this machine.
void share_again(const Machine& machine, int poor, std::vector<Share>& shares) {
    const Nearness near = near_of(machine, share_of(shares, poor));
    const std::size_t most = (shares.size() + machine.cores.size() - 1) / machine.cores.size();
    std::vector<Distance> reaches;
    for (const Core& core : machine.cores) reaches.push_back(distance(machine, core, near));
    std::sort(reaches.begin(), reaches.end());
    reaches.erase(std::unique(reaches.begin(), reaches.end()), reaches.end());
    Pool pool;
    for (const Distance& reach : reaches) {
        pool = pool_around(machine, near, reach, shares);
        if (pool.ranks() <= pool.cores() * static_cast<std::int64_t>(most)) break;
    }
    Cores cores;
    for (const int core : all_cores(machine))
        if (pool.has_core[static_cast<std::size_t>(core)]) cores.push_back(core);
    auto cut = cut_into_shares(machine, cores, static_cast<int>(pool.ranks()));
    auto next = cut.begin();
    for (std::size_t rank = 0; rank < shares.size(); ++rank) {
        if (!pool.has_rank[rank]) continue;
        next->gpu = shares[rank].gpu;
        shares[rank] = std::move(*next++);
    }
}

// The ranks [first, last) of one GPU have cores at several distances, each a part of every kind.
// They are better off with neighbours: which of them has those nearest to the GPU matters less than
// that none straddles NUMA nodes without need.
void straighten(const Machine& machine, int first, int last, std::vector<Share>& shares) {
    Cores cores;
    for (int rank = first; rank < last; ++rank) {
        const Share& share = share_of(shares, rank);
        if (!share.owned) return;
        cores.insert(cores.end(), share.cores.begin(), share.cores.end());
    }
    std::sort(cores.begin(), cores.end());
    auto cut = cut_into_shares(machine, cores, last - first);
    for (int rank = first; rank < last; ++rank)
        share_of(shares, rank).cores = std::move(cut[static_cast<std::size_t>(rank - first)].cores);
}

}  // namespace

std::vector<Share> shares_near_gpus(const Machine& machine, int ranks) {
    std::vector<Share> shares;
    for (const int gpu : choose_gpus(machine, ranks)) shares.push_back({.cores = {}, .gpu = gpu});
    for (const auto& [nearest, cores] : bundle(machine, shares))
        share_bundle(machine, nearest.second, cores, shares);
    for (int rank = 0; rank < ranks; ++rank)
        if (share_of(shares, rank).cores.empty()) share_again(machine, rank, shares);
    for (int first = 0, last = 1; first < ranks; first = last++) {
        while (last < ranks && share_of(shares, last).gpu == share_of(shares, first).gpu) ++last;
        if (last - first > 1) straighten(machine, first, last, shares);
    }
    return shares;
}

void give_gpus(const Machine& machine, std::vector<Share>& shares) {
    struct Pair {
        Distance far;
        int rank = 0;
        int gpu = 0;
        auto operator<=>(const Pair&) const = default;
    };
    const auto gpus = static_cast<int>(machine.gpus.size());
    const auto ranks = static_cast<int>(shares.size());
    std::vector<Pair> pairs;
    for (int rank = 0; rank < ranks; ++rank)
        for (int gpu = 0; gpu < gpus; ++gpu)
            pairs.push_back({distance(machine, share_of(shares, rank).cores,
                                      machine.gpus[static_cast<std::size_t>(gpu)].near),
                             rank, gpu});
    std::sort(pairs.begin(), pairs.end());
    std::vector<int> users(machine.gpus.size());
    // Every GPU its even number of ranks first; then those that are left over.
    for (const int most : {ranks / gpus, ranks / gpus + 1}) {
        for (const Pair& pair : pairs) {
            int& used = users[static_cast<std::size_t>(pair.gpu)];
            Share& share = share_of(shares, pair.rank);
            if (share.gpu >= 0 || used >= most) continue;
            share.gpu = pair.gpu;
            ++used;
        }
    }
}

}  // namespace ipcrun::topology
