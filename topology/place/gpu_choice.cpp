// SPDX-License-Identifier: Apache-2.0
#include "topology/place/gpu_choice.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

namespace ipcrun::topology {

namespace {

// What a GPU hangs on, from large to small: package, NUMA node, cache, host bridge, own bridge.
using Branches = std::array<int, 5>;

Branches branches_of(const Machine& machine, const Gpu& gpu) {
    const std::vector<int> above = bridges_above(machine, gpu);
    const int top = above.empty() ? -1 : above.back();
    return {gpu.near.package, gpu.near.numa_node, gpu.near.last_level_cache, top, gpu.bridge};
}

// The first core of the smallest that the GPU is near to; behind all for one that is near to none.
std::size_t first_core(const Machine& machine, const Nearness& near) {
    const auto begin = machine.cores.begin();
    const auto first = std::find_if(begin, machine.cores.end(), [&](const Core& core) {
        if (near.last_level_cache >= 0) return core.last_level_cache == near.last_level_cache;
        if (near.numa_node >= 0) return core.numa_node == near.numa_node;
        return core.package == near.package;
    });
    return static_cast<std::size_t>(first - begin);
}

std::vector<int> along_machine(const Machine& machine) {
    std::vector<std::size_t> positions;
    for (const Gpu& gpu : machine.gpus) positions.push_back(first_core(machine, gpu.near));
    std::vector<int> gpus(machine.gpus.size());
    std::iota(gpus.begin(), gpus.end(), 0);
    std::stable_sort(gpus.begin(), gpus.end(), [&](int left, int right) {
        return positions[static_cast<std::size_t>(left)] <
               positions[static_cast<std::size_t>(right)];
    });
    return gpus;
}

// `count` of these GPUs, each from where fewest have been taken, in the order they are given.
std::vector<int> spread(const Machine& machine, const std::vector<int>& gpus, int count) {
    std::vector<Branches> branches;
    for (const int gpu : gpus)
        branches.push_back(branches_of(machine, machine.gpus[static_cast<std::size_t>(gpu)]));
    std::vector<Branches> taken(gpus.size(), Branches{});  // by GPU: how many of each branch
    std::vector<bool> chosen(gpus.size());
    for (int i = 0; i < count; ++i) {
        std::size_t best = gpus.size();
        for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu)
            if (!chosen[gpu] && (best == gpus.size() || taken[gpu] < taken[best])) best = gpu;
        chosen[best] = true;
        for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu)
            for (std::size_t level = 0; level < branches[gpu].size(); ++level)
                taken[gpu][level] += branches[gpu][level] == branches[best][level] ? 1 : 0;
    }
    std::vector<int> result;
    for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu)
        if (chosen[gpu]) result.push_back(gpus[gpu]);
    return result;
}

}  // namespace

std::vector<int> choose_gpus(const Machine& machine, int ranks) {
    std::vector<int> gpus = along_machine(machine);
    if (ranks < static_cast<int>(gpus.size())) gpus = spread(machine, gpus, ranks);
    std::vector<int> of_rank;
    const auto count = static_cast<std::int64_t>(gpus.size());
    for (std::int64_t rank = 0; rank < ranks; ++rank)
        of_rank.push_back(gpus[static_cast<std::size_t>(rank * count / ranks)]);
    return of_rank;
}

}  // namespace ipcrun::topology
