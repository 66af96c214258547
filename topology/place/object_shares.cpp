// SPDX-License-Identifier: Apache-2.0
// Shares of ranks that are dealt out to packages, NUMA nodes, caches, cores or hardware threads.
#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "base/fail.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

namespace {

/// What ranks are dealt out to.
struct Part {
    std::vector<int> cores;
    int thread = -1;  ///< as in Share
};

int index_in(const Core& core, Object object) {
    switch (object) {
        case Object::package:
            return core.package;
        case Object::numa:
            return core.numa_node;
        case Object::l3:
            return core.last_level_cache;
        case Object::host:
        case Object::core:
        case Object::hwthread:
        case Object::gpu:
            break;
    }
    check(false, "an object that does not hold several cores");
    return 0;
}

// In the order of their first cores: along the machine.
std::vector<Part> parts_of(const Machine& machine, Object object) {
    std::vector<Part> parts;
    std::map<int, std::size_t> known;
    for (const int index : all_cores(machine)) {
        const Core& core = machine.cores[static_cast<std::size_t>(index)];
        if (object == Object::hwthread) {
            for (std::size_t thread = 0; thread < core.cpus.size(); ++thread)
                parts.push_back({{index}, static_cast<int>(thread)});
        } else if (object == Object::core) {
            parts.push_back({{index}});
        } else {
            const auto [part, is_new] = known.emplace(index_in(core, object), parts.size());
            if (is_new) parts.push_back({});
            parts[part->second].cores.push_back(index);
        }
    }
    return parts;
}

std::vector<Share> shares_in(const Machine& machine, const Part& part, int ranks) {
    if (part.thread < 0) return cut_into_shares(machine, part.cores, ranks);
    const Share share{.cores = part.cores, .owned = false, .thread = part.thread};
    return std::vector<Share>(static_cast<std::size_t>(ranks), share);
}

}  // namespace

int objects_on(const Machine& machine, Object object) {
    if (object == Object::host) return 1;
    if (object == Object::gpu) return static_cast<int>(machine.gpus.size());
    return static_cast<int>(parts_of(machine, object).size());
}

std::vector<Share> deal_to_objects(const Machine& machine, Object object, int ranks) {
    const std::vector<Part> parts = parts_of(machine, object);
    const auto count = static_cast<int>(parts.size());
    std::vector<Share> shares(static_cast<std::size_t>(ranks));
    for (int first = 0; first < std::min(count, ranks); ++first) {
        const int own = (ranks - first + count - 1) / count;
        int rank = first;
        for (Share& share : shares_in(machine, parts[static_cast<std::size_t>(first)], own)) {
            shares[static_cast<std::size_t>(rank)] = std::move(share);
            rank += count;
        }
    }
    return shares;
}

std::vector<Share> pack_on_objects(const Machine& machine, Object object, int count) {
    std::vector<Share> shares;
    for (const Part& part : parts_of(machine, object))
        for (Share& share : shares_in(machine, part, count)) shares.push_back(std::move(share));
    return shares;
}

}  // namespace ipcrun::topology
