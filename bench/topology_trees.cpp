// SPDX-License-Identifier: Apache-2.0
/// How long the best tree for an allreduce takes to find, and how near it comes to the lower bound.
///   topology_trees MEMBERS BYTES
/// prints one JSON line. Up to 12 members are all different, so that the exact algorithm has to
/// run; more are hosts of 128 ranks (2 packages of 8 last-level caches of 8 cores each) below
/// switches of 32 hosts.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

#include "topology/tree/best_tree.hpp"

namespace {

using namespace ipcrun::topology;

constexpr int rounds = 5;
constexpr int exact_members_max = 12;

Costs all_different(int members) {
    std::mt19937 chance(1);
    const auto between = [&](double low, double high) {
        return low + (high - low) * static_cast<double>(chance()) / 4294967296.0;
    };
    std::vector<LinkCost> costs;
    for (int pair = 0; pair < members * members; ++pair)
        costs.push_back({between(0.5, 3), between(0.1, 0.5), 1e-3 / between(5, 50)});
    return matrix_costs(members, costs, 2e-5);
}

/// Adds the groups of one level within [begin, end), if there is more than one.
void add_level(std::vector<Group>& groups, int parent, int size, const Group& like) {
    const int begin = groups[static_cast<std::size_t>(parent)].begin;
    const int end = groups[static_cast<std::size_t>(parent)].end;
    if (end - begin <= size) return;
    for (int at = begin; at < end; at += size) {
        Group group = like;
        group.parent = parent;
        group.begin = at;
        group.end = std::min(at + size, end);
        if (group.size() >= 2) groups.push_back(group);
    }
}

/// Costs as on a cluster with one NIC of 25 GB/s a host.
Costs cluster(int members) {
    struct Kind {
        int size;
        Group like;
    };
    const std::vector<Kind> kinds{
        {32 * 128, {.cost = {1.3, 0.35, 4e-5}, .uplink_us_per_byte = 2.5e-6}},
        {128, {.cost = {0.35, 0.12, 1.2e-4}, .uplink_us_per_byte = 4e-5}},
        {64, {.cost = {0.2, 0.08, 1e-4}, .uplink_us_per_byte = 1e-5}},
        {8, {.cost = {0.08, 0.05, 8e-5}}}};
    std::vector<Group> groups{{.begin = 0, .end = members, .cost = {1.8, 0.35, 4e-5}}};
    std::size_t first = 0;
    for (const Kind& kind : kinds) {
        const std::size_t end = groups.size();
        for (std::size_t parent = first; parent < end; ++parent)
            add_level(groups, static_cast<int>(parent), kind.size, kind.like);
        if (groups.size() > end) first = end;
    }
    return group_costs(members, std::move(groups), {}, 2e-5);
}

}  // namespace

int main(int argc, char** argv) {
    const int members = argc == 3 ? std::atoi(argv[1]) : 0;
    const double bytes = argc == 3 ? std::atof(argv[2]) : 0;
    if (members < 1 || bytes < 1) {
        std::fputs("usage: topology_trees MEMBERS BYTES\n", stderr);
        return 2;
    }
    const Costs costs = members <= exact_members_max ? all_different(members) : cluster(members);
    std::vector<double> samples_us;
    PlannedTree plan;
    for (int round = 0; round < rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        plan = best_tree(costs, {.bytes = bytes});
        samples_us.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
                .count());
    }
    std::sort(samples_us.begin(), samples_us.end());
    std::printf(
        "{\"bench\":\"trees\",\"what\":\"%.*s\",\"ranks\":%d,\"bytes\":%.0f,\"p50_us\":%.4g,"
        "\"p99_us\":%.4g,\"allreduce_us\":%.4g,\"segments\":%d,\"ratio_to_limit\":%.4g}\n",
        static_cast<int>(plan.method.size()), plan.method.data(), members, bytes,
        samples_us[rounds / 2], samples_us.back(), plan.time.us, plan.time.segments, plan.ratio());
    return 0;
}
