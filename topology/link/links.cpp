// SPDX-License-Identifier: Apache-2.0
#include "topology/link/links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/fail.hpp"
#include "topology/link/host_costs.hpp"
#include "topology/link/network_levels.hpp"
#include "topology/link/spot_links.hpp"

namespace ipcrun::topology {

namespace {

std::vector<int> used_hosts(const Placement& placement) {
    std::vector<int> hosts;
    for (int host = 0; host < static_cast<int>(placement.layout_of_host.size()); ++host)
        if (!placement.ranks_of(host).empty()) hosts.push_back(host);
    return hosts;
}

// Positions begin at first[k] for the k-th host in the order of the network.
std::vector<int> first_positions(const Placement& placement, const std::vector<int>& hosts,
                                 const std::vector<int>& order) {
    std::vector<int> first{0};
    for (const int member : order) {
        const int host = hosts[static_cast<std::size_t>(member)];
        first.push_back(first.back() + static_cast<int>(placement.ranks_of(host).size()));
    }
    return first;
}

// Layouts that no host has cost nothing.
std::vector<HostCosts> costs_of_layouts(const Cluster& cluster, const Placement& placement,
                                        const std::vector<GpuPaths>& gpu_paths,
                                        const CostTable& table) {
    std::vector<HostCosts> result;
    for (const Layout& layout : placement.layouts) {
        const auto machine = static_cast<std::size_t>(layout.machine);
        result.push_back(layout.places.empty() ? HostCosts{}
                                               : host_costs(layout, cluster.machines[machine],
                                                            gpu_paths[machine], table));
    }
    return result;
}

std::string nic_name(const Cluster& cluster, const Place& place, int host) {
    const std::string& name = cluster.hosts[static_cast<std::size_t>(host)].name;
    if (place.nic < 0) return fmt::format("nic of {}", name);
    const Nic& nic = cluster.machine_of(host).nics[static_cast<std::size_t>(place.nic)];
    return fmt::format("nic {} of {}", nic.name, name);
}

}  // namespace

Links::Links(const Cluster& cluster, const Placement& placement, const CostTable& table,
             std::vector<LinkOverride> overrides)
    : cluster_(cluster), placement_(placement), table_(table), overrides_(std::move(overrides)) {
    for (const Machine& machine : cluster.machines) gpu_paths_.emplace_back(machine, table);
    add_hosts();
    if (!overrides_.empty()) apply_overrides();
}

void Links::add_hosts() {
    const std::vector<int> hosts = used_hosts(placement_);
    check(!hosts.empty(), "links of no ranks");
    std::vector<HostCosts> layouts = costs_of_layouts(cluster_, placement_, gpu_paths_, table_);
    const auto layout_index = [&](int host) {
        return static_cast<std::size_t>(placement_.layout_of_host[static_cast<std::size_t>(host)]);
    };
    double network = 0;
    for (const int host : hosts)
        network = std::max(network, layouts[layout_index(host)].network_us_per_byte);
    std::vector<PairMatrix> matrices;
    std::vector<int> matrix_of(layouts.size(), -1);
    for (std::size_t layout = 0; layout < layouts.size(); ++layout) {
        if (!layouts[layout].matrix) continue;
        matrix_of[layout] = static_cast<int>(matrices.size());
        matrices.push_back(*std::move(layouts[layout].matrix));
        // The matrix says all; nothing may be within.
        layouts[layout].nesting.groups.resize(1);
    }

    const Nesting nesting = nest_hosts(cluster_, hosts, table_, network);
    const std::vector<int> first = first_positions(placement_, hosts, nesting.order);
    GroupBuilder builder;
    std::vector<int> group_of(hosts.size(), 0);
    for (Group group : nesting.groups) {
        const int begin = std::exchange(group.begin, first[static_cast<std::size_t>(group.begin)]);
        const int end = std::exchange(group.end, first[static_cast<std::size_t>(group.end)]);
        std::fill(group_of.begin() + begin, group_of.begin() + end, builder.add(group));
    }
    rank_at_.reserve(static_cast<std::size_t>(placement_.size()));
    for (std::size_t k = 0; k < hosts.size(); ++k) {
        const int host = hosts[static_cast<std::size_t>(nesting.order[k])];
        const std::size_t layout = layout_index(host);
        const HostCosts& own = layouts[layout];
        builder.add(own.nesting.groups, group_of[k], first[k], matrix_of[layout],
                    hosts.size() > 1 ? own.uplink_us_per_byte : 0);
        const std::span<const int> ranks = placement_.ranks_of(host);
        for (const int local : own.nesting.order)
            rank_at_.push_back(ranks[static_cast<std::size_t>(local)]);
    }
    position_of_.resize(rank_at_.size());
    for (std::size_t position = 0; position < rank_at_.size(); ++position)
        position_of_[static_cast<std::size_t>(rank_at_[position])] = static_cast<int>(position);
    costs_ = group_costs(placement_.size(), builder.take(), std::move(matrices),
                         table_.reduce_us_per_byte);
}

const Layout& Links::layout_of(int host) const {
    return placement_.layouts[static_cast<std::size_t>(
        placement_.layout_of_host[static_cast<std::size_t>(host)])];
}

LinkClass Links::class_between(int rank_a, int rank_b) const {
    if (rank_a == rank_b) return LinkClass::self;
    const Seat& seat_a = placement_.seat(rank_a);
    const Seat& seat_b = placement_.seat(rank_b);
    if (seat_a.host != seat_b.host) {
        const auto leaf = [&](const Seat& seat) {
            return cluster_.hosts[static_cast<std::size_t>(seat.host)].leaf_switch;
        };
        return leaf(seat_a) >= 0 && leaf(seat_a) == leaf(seat_b) ? LinkClass::network_switch
                                                                 : LinkClass::network;
    }
    const Layout& layout = layout_of(seat_a.host);
    const auto machine = static_cast<std::size_t>(layout.machine);
    const Place& a = placement_.place(rank_a);
    const Place& b = placement_.place(rank_b);
    if (a.gpu >= 0 && b.gpu >= 0 && links_gpus(layout))
        return gpu_paths_[machine].between(a.gpu, b.gpu).link_class;
    const Machine& values = cluster_.machines[machine];
    return class_of(filled(values, a.spot), filled(values, b.spot));
}

bool Links::is_measured(int rank_a, int rank_b) const {
    const auto [low, high] = std::minmax(rank_a, rank_b);
    const auto found = std::lower_bound(overrides_.begin(), overrides_.end(), std::pair(low, high),
                                        [](const LinkOverride& each, const auto& pair) {
                                            return std::pair(each.a, each.b) < pair;
                                        });
    return found != overrides_.end() && found->a == low && found->b == high;
}

Link Links::between(int rank_a, int rank_b) const {
    Link link;
    link.link_class = class_between(rank_a, rank_b);
    if (rank_a == rank_b) return link;
    link.cost = costs_.between(position_of_[static_cast<std::size_t>(rank_a)],
                               position_of_[static_cast<std::size_t>(rank_b)]);
    link.measured = is_measured(rank_a, rank_b);
    const int host_a = placement_.seat(rank_a).host;
    const int host_b = placement_.seat(rank_b).host;
    if (host_a == host_b)
        add_edges_within(placement_.place(rank_a), placement_.place(rank_b), host_a, link);
    else
        add_edges_between(placement_.place(rank_a), host_a, placement_.place(rank_b), host_b, link);
    return link;
}

void Links::add_edges_within(const Place& a, const Place& b, int host, Link& link) const {
    const Layout& layout = layout_of(host);
    const auto machine = static_cast<std::size_t>(layout.machine);
    if (a.gpu >= 0 && b.gpu >= 0 && links_gpus(layout)) {
        for (const int edge : gpu_paths_[machine].between(a.gpu, b.gpu).edges)
            link.edges.push_back(gpu_paths_[machine].name(edge));
        return;
    }
    const Machine& values = cluster_.machines[machine];
    link.edges = ports_between(values, filled(values, a.spot), filled(values, b.spot));
}

void Links::add_edges_between(const Place& a, int host_a, const Place& b, int host_b,
                              Link& link) const {
    link.edges = switches_between(cluster_, host_a, host_b);
    link.edges.insert(link.edges.begin(), nic_name(cluster_, a, host_a));
    link.edges.push_back(nic_name(cluster_, b, host_b));
}

SpotCosts costs_of_spots(std::span<const Spot> spots, const CostTable& table) {
    Nesting nesting = nest_spots(spots, table, nullptr);
    return {group_costs(static_cast<int>(spots.size()), std::move(nesting.groups), {},
                        table.reduce_us_per_byte),
            std::move(nesting.order)};
}

}  // namespace ipcrun::topology
