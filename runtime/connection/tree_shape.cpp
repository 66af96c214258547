// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/tree_shape.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "topology/link/costs.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun {

namespace {

// What trees are planned for: a row of small tensors. Longer messages are cut into pieces, which a
// tree of few levels carries at most half as fast as a chain.
constexpr double planned_bytes = 8192;

// Assumed of TCP between hosts with 10 Gb/s, and of memory or a loopback within one.
constexpr topology::LinkCost between_hosts{.latency_us = 25, .gap_us = 5, .us_per_byte = 1e-3};
constexpr topology::LinkCost within_host{.latency_us = 1, .gap_us = 0.5, .us_per_byte = 2e-4};
constexpr double reduce_us_per_byte = 1e-4;

// Nodes host by host, in the order in which hosts and nodes are first met; node 0 stays first.
std::vector<int> order_by_host(std::span<const int> host_of) {
    std::map<int, int> places;  // of hosts
    for (const int host : host_of) places.emplace(host, static_cast<int>(places.size()));
    std::vector<int> order(host_of.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(
        order, {}, [&](int node) { return places.at(host_of[static_cast<std::size_t>(node)]); });
    return order;
}

// Costs of the nodes in that order. What enters and leaves a host shares its interface.
topology::Costs costs_of(std::span<const int> order, std::span<const int> host_of) {
    const auto host_at = [&](std::size_t position) {
        return host_of[static_cast<std::size_t>(order[position])];
    };
    const int size = static_cast<int>(order.size());
    std::vector<topology::Group> groups{{.begin = 0, .end = size, .cost = between_hosts}};
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin + 1;
        while (end < order.size() && host_at(end) == host_at(begin)) ++end;
        if (end - begin == order.size())
            groups[0].cost = within_host;
        else if (end - begin > 1)
            groups.push_back({.parent = 0,
                              .begin = static_cast<int>(begin),
                              .end = static_cast<int>(end),
                              .cost = within_host,
                              .uplink_us_per_byte = between_hosts.us_per_byte});
        begin = end;
    }
    return topology::group_costs(size, std::move(groups), {}, reduce_us_per_byte);
}

// Members of one group are alike: then they can change places. Else what is above member 0 is
// turned around, which gives it one child more.
void make_first_the_root(std::vector<int>& parent, int root, bool are_alike) {
    if (root == 0) return;
    if (are_alike) {
        std::swap(parent[0], parent[static_cast<std::size_t>(root)]);
        for (int& above : parent) {
            if (above == 0)
                above = root;
            else if (above == root)
                above = 0;
        }
        return;
    }
    int above = -1;
    for (int member = 0; member != -1;)
        member =
            std::exchange(parent[static_cast<std::size_t>(member)], std::exchange(above, member));
}

}  // namespace

std::vector<int> shape_tree(std::span<const int> host_of, int children_max) {
    const std::vector<int> order = order_by_host(host_of);
    if (order.size() < 2) return std::vector<int>(order.size(), -1);
    const topology::Costs costs = costs_of(order, host_of);
    const topology::PlannedTree planned = topology::best_tree(
        costs, {.bytes = planned_bytes, .degree_max = children_max, .bound = false});
    std::vector<int> positions = planned.tree.parent;
    const int root = planned.tree.root;
    make_first_the_root(positions, root,
                        costs.group_of[0] == costs.group_of[static_cast<std::size_t>(root)]);
    std::vector<int> parent(order.size(), -1);
    for (std::size_t position = 0; position < order.size(); ++position) {
        const int above = positions[position];
        parent[static_cast<std::size_t>(order[position])] =
            above < 0 ? -1 : order[static_cast<std::size_t>(above)];
    }
    return parent;
}

}  // namespace ipcrun
