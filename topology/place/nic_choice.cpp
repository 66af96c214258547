// SPDX-License-Identifier: Apache-2.0
#include "topology/place/nic_choice.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "topology/place/nearness.hpp"

namespace ipcrun::topology {

namespace {

struct Merit {
    int from_gpu = 0;
    Distance from_cores = {};
    double speed = 0;  // negative, so that less is better
    int hops = 0;
    auto operator<=>(const Merit&) const = default;
};

std::vector<int> fast_nics(const Machine& machine) {
    double fastest = 0;
    for (const Nic& nic : machine.nics) fastest = std::max(fastest, nic.network_gbytes_per_s);
    std::vector<int> result;
    for (std::size_t nic = 0; nic < machine.nics.size(); ++nic)
        if (4 * machine.nics[nic].network_gbytes_per_s >= fastest)
            result.push_back(static_cast<int>(nic));
    return result;
}

Merit merit_of(const Machine& machine, const Share& share, const Nic& nic) {
    Merit merit{.speed = -nic.network_gbytes_per_s};
    PciDistance from_gpu;
    if (share.gpu >= 0)
        from_gpu = distance(machine, machine.gpus[static_cast<std::size_t>(share.gpu)], nic);
    merit.from_gpu = from_gpu.kind;
    merit.hops = from_gpu.hops;
    // Cores decide only where the GPU does not.
    if (from_gpu.kind == PciDistance::machine)
        merit.from_cores = distance(machine, share.cores, nic.near);
    return merit;
}

// All that are as good as the best.
std::vector<int> best_for(const Machine& machine, const std::vector<int>& candidates,
                          const Share& share) {
    std::optional<Merit> best;
    std::vector<int> result;
    for (const int candidate : candidates) {
        const Merit merit =
            merit_of(machine, share, machine.nics[static_cast<std::size_t>(candidate)]);
        if (best && *best < merit) continue;
        if (!best || merit < *best) result.clear();
        best = merit;
        result.push_back(candidate);
    }
    return result;
}

// Number of the NIC of rank `rank` of `ranks`. Runs of neighbours begin where the ranks that carry
// the lanes of an allreduce between hosts stand: each of as many lanes has a NIC of its own.
// Ranks that are too few for all take NICs that are apart: neighbours may be two ports of one.
std::size_t deal(std::size_t rank, std::size_t ranks, std::size_t nics) {
    return ranks < nics ? rank * nics / ranks : ((rank + 1) * nics - 1) / ranks;
}

}  // namespace

std::vector<int> choose_nics(const Machine& machine, std::span<const Share> shares) {
    std::vector<int> chosen(shares.size(), -1);
    const std::vector<int> candidates = fast_nics(machine);
    if (candidates.empty()) return chosen;
    // Ranks by the NICs that they may choose from, those with the least choice first.
    std::map<std::pair<std::size_t, std::vector<int>>, std::vector<std::size_t>> groups;
    for (std::size_t rank = 0; rank < shares.size(); ++rank) {
        std::vector<int> nics = best_for(machine, candidates, shares[rank]);
        const std::size_t count = nics.size();
        groups[{count, std::move(nics)}].push_back(rank);
    }
    std::vector<int> users(machine.nics.size());
    const auto users_of = [&users](int nic) -> int& {
        return users[static_cast<std::size_t>(nic)];
    };
    for (const auto& [key, ranks] : groups) {
        std::vector<int> nics = key.second;
        std::stable_sort(nics.begin(), nics.end(),
                         [&](int left, int right) { return users_of(left) < users_of(right); });
        for (std::size_t i = 0; i < ranks.size(); ++i) {
            chosen[ranks[i]] = nics[deal(i, ranks.size(), nics.size())];
            ++users_of(chosen[ranks[i]]);
        }
    }
    return chosen;
}

}  // namespace ipcrun::topology
