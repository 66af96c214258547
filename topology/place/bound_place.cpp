// SPDX-License-Identifier: Apache-2.0
#include "topology/place/bound_place.hpp"

#include <algorithm>
#include <cstddef>

namespace ipcrun::topology {

namespace {

void sort_unique(std::vector<int>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

const Core& core_at(const Machine& machine, int index) {
    return machine.cores[static_cast<std::size_t>(index)];
}

// 1 + what all cores have as `index`, or 0.
int common_index(const Machine& machine, const std::vector<int>& cores, int Core::*index) {
    const int first = core_at(machine, cores.front()).*index;
    const bool all = std::all_of(cores.begin(), cores.end(),
                                 [&](int core) { return core_at(machine, core).*index == first; });
    return all ? first + 1 : 0;
}

// All cores that have `index` in common with one of the share.
std::vector<int> widen(const Machine& machine, const std::vector<int>& share, int Core::*index) {
    std::vector<int> wanted;
    for (const int core : share) wanted.push_back(core_at(machine, core).*index);
    sort_unique(wanted);
    std::vector<int> cores;
    for (const int core : all_cores(machine))
        if (std::binary_search(wanted.begin(), wanted.end(), core_at(machine, core).*index))
            cores.push_back(core);
    return cores;
}

std::vector<int> bound_cores(const Machine& machine, const Share& share, BindTo bind_to) {
    switch (bind_to) {
        case BindTo::automatic:
            return share.cores;
        case BindTo::none:
            return all_cores(machine);
        case BindTo::hwthread:
        case BindTo::core:
            return {share.cores.front()};
        case BindTo::l3:
            return widen(machine, share.cores, &Core::last_level_cache);
        case BindTo::numa:
            return widen(machine, share.cores, &Core::numa_node);
        case BindTo::package:
            return widen(machine, share.cores, &Core::package);
    }
    return share.cores;
}

}  // namespace

Place place_on_cores(const Machine& machine, const std::vector<int>& cores) {
    Place place;
    for (const int index : cores) {
        const Core& core = core_at(machine, index);
        place.cpus.insert(place.cpus.end(), core.cpus.begin(), core.cpus.end());
        if (machine.numa_nodes.size() > 1)
            place.memory_nodes.push_back(
                machine.numa_nodes.at(static_cast<std::size_t>(core.numa_node)).os_index);
    }
    sort_unique(place.cpus);
    sort_unique(place.memory_nodes);
    place.spot = {.package = common_index(machine, cores, &Core::package),
                  .numa_node = common_index(machine, cores, &Core::numa_node),
                  .last_level_cache = common_index(machine, cores, &Core::last_level_cache),
                  .l2 = common_index(machine, cores, &Core::l2),
                  .core = cores.size() == 1 ? cores.front() + 1 : 0};
    return place;
}

std::vector<Place> bound_places(const Machine& machine, const std::vector<Share>& shares,
                                BindTo bind_to) {
    std::vector<std::size_t> users(machine.cores.size());
    std::vector<Place> places;
    places.reserve(shares.size());
    const auto ranks = static_cast<int>(shares.size());
    for (const Share& share : shares) {
        Place place = place_on_cores(machine, bound_cores(machine, share, bind_to));
        const std::vector<int>& threads = core_at(machine, share.cores.front()).cpus;
        if (bind_to == BindTo::none) {
            place.memory_nodes.clear();
            place.spot = {};
        } else if (share.thread >= 0 &&
                   (bind_to == BindTo::automatic || bind_to == BindTo::hwthread)) {
            place.cpus = {threads[static_cast<std::size_t>(share.thread)]};
        } else if (bind_to == BindTo::hwthread) {
            std::size_t& before = users[static_cast<std::size_t>(share.cores.front())];
            place.cpus = {threads[before++ % threads.size()]};
        }
        const bool one = bind_to == BindTo::core || bind_to == BindTo::hwthread || !share.owned;
        place.threads =
            threads_within_quota(machine, ranks, one ? 1 : static_cast<int>(share.cores.size()));
        place.gpu = share.gpu;
        places.push_back(std::move(place));
    }
    return places;
}

int threads_within_quota(const Machine& machine, int ranks, int threads) {
    if (machine.cpu_quota <= 0) return threads;
    return std::min(threads, std::max(usable_cores(machine) / ranks, 1));
}

}  // namespace ipcrun::topology
