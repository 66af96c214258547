// SPDX-License-Identifier: Apache-2.0
#include "topology/link/network_levels.hpp"

#include <algorithm>
#include <cstddef>

namespace ipcrun::topology {

namespace {

const NetworkSwitch& switch_at(const Cluster& cluster, int index) {
    return cluster.switches[static_cast<std::size_t>(index)];
}

// By switch: 0 where there are only hosts below.
std::vector<int> heights_of(const Cluster& cluster) {
    std::vector<int> heights(cluster.switches.size(), 0);
    for (std::size_t index = heights.size(); index-- > 0;) {
        const int parent = cluster.switches[index].parent;
        if (parent < 0) continue;
        int& height = heights[static_cast<std::size_t>(parent)];
        height = std::max(height, heights[index] + 1);
    }
    return heights;
}

LinkCost cost_at(int height, const CostTable& table, double us_per_byte) {
    const LinkCost& lowest = table.of(LinkClass::network_switch);
    const LinkCost& higher = table.of(LinkClass::network);
    LinkCost cost = height == 0 ? lowest : higher;
    if (height > 1)
        cost.latency_us += (height - 1) * std::max(higher.latency_us - lowest.latency_us, 0.0);
    cost.us_per_byte = us_per_byte;
    return cost;
}

// The switches above a host, the nearest first.
std::vector<int> switches_above(const Cluster& cluster, int host) {
    std::vector<int> above;
    for (int index = cluster.hosts[static_cast<std::size_t>(host)].leaf_switch; index >= 0;
         index = switch_at(cluster, index).parent)
        above.push_back(index);
    return above;
}

}  // namespace

Nesting nest_hosts(const Cluster& cluster, const std::vector<int>& hosts, const CostTable& table,
                   double us_per_byte) {
    const std::vector<int> heights = heights_of(cluster);
    const int highest = heights.empty() ? 0 : *std::max_element(heights.begin(), heights.end());
    std::vector<NestingLevel> levels;
    if (!heights.empty())
        for (int height = 0; height <= highest; ++height)
            levels.push_back({cost_at(height, table, us_per_byte),
                              std::vector<int>(hosts.size(), 0),
                              std::vector<double>(hosts.size(), 0)});
    for (std::size_t member = 0; member < hosts.size(); ++member) {
        const std::vector<int> above = switches_above(cluster, hosts[member]);
        // Hosts may hang on a switch that has switches below it, too.
        if (!above.empty()) levels.front().key[member] = above.front() + 1;
        for (const int index : above) {
            auto& level =
                levels[static_cast<std::size_t>(heights[static_cast<std::size_t>(index)])];
            const double rate = switch_at(cluster, index).gbytes_per_s;
            level.key[member] = index + 1;
            level.uplink_us_per_byte[member] = rate > 0 ? 1e-3 / rate : 0;
        }
    }
    return nest(static_cast<int>(hosts.size()), levels,
                cost_at(std::max(highest, 1), table, us_per_byte));
}

std::vector<std::string> switches_between(const Cluster& cluster, int host_a, int host_b) {
    std::vector<int> above_a = switches_above(cluster, host_a);
    std::vector<int> above_b = switches_above(cluster, host_b);
    while (!above_a.empty() && !above_b.empty() && above_a.back() == above_b.back()) {
        above_a.pop_back();
        above_b.pop_back();
    }
    std::vector<std::string> names;
    for (const int index : above_a) names.push_back("switch " + switch_at(cluster, index).name);
    for (auto index = above_b.rbegin(); index != above_b.rend(); ++index)
        names.push_back("switch " + switch_at(cluster, *index).name);
    return names;
}

}  // namespace ipcrun::topology
