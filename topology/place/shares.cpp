// SPDX-License-Identifier: Apache-2.0
#include "topology/place/shares.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

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

// What the choice of cuts may take: a third of a second, and 128 MiB. Hosts of a few thousand cores
// stay below.
constexpr std::size_t steps_max = std::size_t{1} << 22;

// At least as many cores as ranks; shares end where they would on a machine without boundaries.
std::vector<Share> cut_by_number(const std::vector<int>& cores, int ranks) {
    const auto count = static_cast<std::int64_t>(cores.size());
    std::vector<Share> shares;
    for (std::int64_t rank = 0; rank < ranks; ++rank)
        shares.push_back({.cores = {cores.begin() + rank * count / ranks,
                                    cores.begin() + (rank + 1) * count / ranks}});
    return shares;
}

// At least as many cores as ranks. Every rank gets `least` cores and `extra` of them one more;
// which ones is free, so the choice is the one whose cuts fall on the most valuable boundaries.
// Exact, by dynamic programming over (ranks served, extras given): O(ranks x extra) steps.
std::vector<Share> cut_evenly(const Machine& machine, const std::vector<int>& cores, int ranks) {
    const int count = static_cast<int>(cores.size());
    const int least = count / ranks;
    const int extra = count % ranks;
    const auto width = static_cast<std::size_t>(extra) + 1;
    if ((static_cast<std::size_t>(ranks) + 1) * width > steps_max)
        return cut_by_number(cores, ranks);
    const auto core_at = [&](int i) -> const Core& {
        return machine.cores[static_cast<std::size_t>(cores[static_cast<std::size_t>(i)])];
    };
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
            add(worth, worth_of_cut(core_at(cut - 1), core_at(cut)));
            worth[3] -= std::abs(std::int64_t{cut} * ranks - std::int64_t{rank} * count);
        }
    }
    std::vector<Share> shares;
    auto begin = cores.begin();
    for (int rank = 0, given = 0; rank < ranks; ++rank) {
        // Never past `extra`: what lies there is unreachable.
        const bool large = given < extra && at(rank + 1, given + 1) >= at(rank + 1, given);
        given += large ? 1 : 0;
        const auto end = begin + least + (large ? 1 : 0);
        shares.push_back({.cores = {begin, end}});
        begin = end;
    }
    return shares;
}

}  // namespace

std::vector<int> all_cores(const Machine& machine) {
    std::vector<int> cores(machine.cores.size());
    std::iota(cores.begin(), cores.end(), 0);
    return cores;
}

std::vector<Share> cut_into_shares(const Machine& machine, const std::vector<int>& cores,
                                   int ranks) {
    check(ranks >= 1 && !cores.empty(), "shares for no ranks, or of no cores");
    const auto count = static_cast<std::int64_t>(cores.size());
    if (ranks <= count) return cut_evenly(machine, cores, ranks);
    std::vector<Share> shares;
    shares.reserve(static_cast<std::size_t>(ranks));
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        const int core = cores[static_cast<std::size_t>(rank * count / ranks)];
        shares.push_back({.cores = {core}, .owned = false});
    }
    return shares;
}

}  // namespace ipcrun::topology
