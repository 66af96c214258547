// SPDX-License-Identifier: Apache-2.0
#include "topology/place/host_counts.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

#include "base/fail.hpp"
#include "topology/place/shares.hpp"

namespace ipcrun::topology {

namespace {

// Above what any machine runs: more is a typing error, which must not fill the memory.
constexpr std::int64_t ranks_max = 1 << 24;

std::int64_t sum(const std::vector<int>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
}

bool uses(const MapBy& map_by, Object object) {
    return (map_by.policy == MapBy::Policy::round_robin ||
            map_by.policy == MapBy::Policy::packed) &&
           map_by.object == object;
}

// What a host of each kind has of the object. GPUs are all that can be missing.
std::vector<int> objects_by_machine(const Cluster& cluster, const Mapping& mapping) {
    std::vector<int> objects;
    for (const Machine& machine : cluster.machines)
        objects.push_back(objects_on(machine, mapping.map_by.object));
    if (!uses(mapping.map_by, Object::gpu)) return objects;
    const std::string asked = format_map_by(mapping.map_by);
    if (!mapping.gpus)
        fail(ErrorCode::usage, "--map-by {}: GPUs are not to be shared out in this job", asked);
    for (const Host& host : cluster.hosts)
        if (objects[static_cast<std::size_t>(host.machine)] == 0)
            fail(ErrorCode::usage, "--map-by {}: the machine of host {} has no GPU", asked,
                 host.name);
    return objects;
}

std::vector<int> fill(const std::vector<int>& capacities, std::int64_t ranks) {
    std::vector<int> counts;
    for (const int capacity : capacities) {
        counts.push_back(static_cast<int>(std::min<std::int64_t>(capacity, ranks)));
        ranks -= counts.back();
    }
    return counts;
}

// More ranks than there is room for: every host has more than its room, in proportion.
std::vector<int> fill_in_proportion(const std::vector<int>& capacities, std::int64_t ranks) {
    const std::int64_t total = sum(capacities);
    std::vector<int> counts;
    std::int64_t room = 0;
    std::int64_t placed = 0;
    for (const int capacity : capacities) {
        room += capacity;
        counts.push_back(static_cast<int>(room * ranks / total - placed));
        placed += counts.back();
    }
    return counts;
}

// One to each host that has room, and so on. Both steps are those of a search for the last full
// round, so that the cost does not grow with the rounds.
std::vector<int> fill_in_turn(const std::vector<int>& capacities, std::int64_t ranks) {
    const auto placed_after = [&](int rounds) {
        return std::accumulate(
            capacities.begin(), capacities.end(), std::int64_t{0},
            [&](std::int64_t sum, int capacity) { return sum + std::min(capacity, rounds); });
    };
    int rounds = 0;
    for (int above = *std::max_element(capacities.begin(), capacities.end()) + 1;
         above - rounds > 1;) {
        const int middle = rounds + (above - rounds) / 2;
        (placed_after(middle) <= ranks ? rounds : above) = middle;
    }
    std::int64_t rest = ranks - placed_after(rounds);
    std::vector<int> counts;
    for (const int capacity : capacities) {
        const bool one_more = capacity > rounds && rest > 0;
        rest -= one_more ? 1 : 0;
        counts.push_back(std::min(capacity, rounds) + (one_more ? 1 : 0));
    }
    return counts;
}

}  // namespace

std::vector<int> capacities(const Cluster& cluster, const Mapping& mapping) {
    const MapBy& map_by = mapping.map_by;
    const std::vector<int> objects = objects_by_machine(cluster, mapping);
    std::vector<int> result;
    for (std::size_t host = 0; host < cluster.hosts.size(); ++host) {
        const int own = objects[static_cast<std::size_t>(cluster.hosts[host].machine)];
        std::int64_t capacity = slots_of(cluster, static_cast<int>(host));
        if (map_by.policy == MapBy::Policy::packed)
            capacity = std::int64_t{own} * map_by.count;
        else if (uses(map_by, Object::gpu) && cluster.hosts[host].slots <= 0)
            capacity = own;
        if (capacity > ranks_max)
            fail(ErrorCode::usage,
                 "--map-by {} gives {} ranks on host {} alone, and {} is the most: name fewer",
                 format_map_by(map_by), capacity, cluster.hosts[host].name, ranks_max);
        result.push_back(static_cast<int>(capacity));
    }
    return result;
}

std::vector<int> count_by_host(const std::vector<int>& capacities, std::optional<int> ranks,
                               const MapBy& map_by) {
    const std::int64_t room = sum(capacities);
    const std::int64_t wanted = ranks ? *ranks : room;
    if (!ranks && room > ranks_max)
        fail(ErrorCode::usage,
             "{} hosts have room for {} ranks under --map-by {}, and {} is the most: say how many "
             "there are to be (-n)",
             capacities.size(), room, format_map_by(map_by), ranks_max);
    if (map_by.policy == MapBy::Policy::packed && wanted > room)
        fail(ErrorCode::usage, "--map-by {} gives {} rank{}, not the {} of -n",
             format_map_by(map_by), room, room == 1 ? "" : "s", wanted);
    if (wanted > room) return fill_in_proportion(capacities, wanted);
    const bool in_turn =
        map_by.policy == MapBy::Policy::round_robin && map_by.object == Object::host;
    return in_turn ? fill_in_turn(capacities, wanted) : fill(capacities, wanted);
}

void number_ranks(const std::vector<int>& counts, bool in_turn, Placement& placement) {
    placement.first_of_host = {0};
    for (const int count : counts)
        placement.first_of_host.push_back(placement.first_of_host.back() + count);
    const auto ranks = static_cast<std::size_t>(placement.first_of_host.back());
    placement.seats.resize(ranks);
    placement.ranks.resize(ranks);
    int next = 0;
    const auto seat = [&](int host, int local_rank) {
        const int first = placement.first_of_host[static_cast<std::size_t>(host)];
        placement.seats[static_cast<std::size_t>(next)] = {host, local_rank};
        placement.ranks[static_cast<std::size_t>(first + local_rank)] = next++;
    };
    std::vector<int> open;  // hosts with ranks that have no number yet
    for (std::size_t host = 0; host < counts.size(); ++host) {
        open.push_back(static_cast<int>(host));
        if (in_turn) continue;
        for (int local_rank = 0; local_rank < counts[host]; ++local_rank)
            seat(static_cast<int>(host), local_rank);
    }
    for (int round = 0; in_turn && !open.empty(); ++round) {
        open.erase(std::remove_if(
                       open.begin(), open.end(),
                       [&](int host) { return counts[static_cast<std::size_t>(host)] <= round; }),
                   open.end());
        for (const int host : open) seat(host, round);
    }
}

}  // namespace ipcrun::topology
