// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "tests/topology/machines.hpp"
#include "topology/link/links.hpp"

using namespace ipcrun::testing;
using namespace ipcrun::topology;

namespace {

double latency(LinkClass link) {
    return default_costs().of(link).latency_us;
}

Nic nic(const std::string& name, double network_gbytes_per_s) {
    Nic result;
    result.name = name;
    result.network_gbytes_per_s = network_gbytes_per_s;
    return result;
}

/// Four hosts of two ranks: two below each of two leaf switches.
Cluster two_leaves(Machine machine) {
    Cluster cluster = equal_hosts(std::move(machine), 4);
    cluster.switches = {{.name = "spine"},
                        {.name = "leaf0", .parent = 0, .gbytes_per_s = 50},
                        {.name = "leaf1", .parent = 0, .gbytes_per_s = 50}};
    for (int host = 0; host < 4; ++host)
        cluster.hosts[static_cast<std::size_t>(host)].leaf_switch = 1 + host % 2;
    return cluster;
}

/// Some hosts of up to three kinds, with or without ranks, below up to three switches.
Cluster random_cluster(std::mt19937& random) {
    const auto below = [&](int limit) {
        return static_cast<int>(random() % static_cast<unsigned>(limit));
    };
    Cluster cluster;
    cluster.switches = {{.name = "top"},
                        {.name = "a", .parent = 0, .gbytes_per_s = 20},
                        {.name = "b", .parent = 0},
                        {.name = "alone"}};
    for (int kind = 0; kind < 3; ++kind) {
        Machine machine = regular_machine(1 + below(2), 1 + below(2), 1 + below(2), 1 + below(3));
        const std::size_t nodes = machine.numa_nodes.size();
        machine.numa_latencies.resize(nodes * nodes);
        for (double& distance : machine.numa_latencies) distance = 10 + 6 * below(4);
        machine.bridges.resize(4);
        machine.bridges[0].near = {0, 0, 0};
        machine.bridges[1].parent = 0;
        machine.bridges[1].gbytes_per_s = 16;
        machine.bridges[2].parent = machine.bridges[3].parent = 1;
        machine.bridges[3].gbytes_per_s = 32;
        for (int index = 0; index < 1 + below(4); ++index) {
            Gpu gpu;
            gpu.name = "gpu";
            gpu.bridge = below(5) - 1;
            gpu.gbytes_per_s = below(2) * 32.0;
            machine.gpus.push_back(gpu);
        }
        if (machine.gpus.size() > 1) machine.gpu_links = {{.a = 0, .b = 1, .gbytes_per_s = 90}};
        machine.nics = {nic("eth0", below(2) * 25.0)};
        cluster.machines.push_back(machine);
    }
    for (int host = 0; host < 1 + below(5); ++host)
        cluster.hosts.push_back({.name = "h", .machine = below(3), .leaf_switch = below(5) - 1});
    return cluster;
}

Placement random_placement(const Cluster& cluster, std::mt19937& random) {
    const auto below = [&](int limit) {
        return static_cast<int>(random() % static_cast<unsigned>(limit));
    };
    std::vector<Layout> layouts;
    std::vector<int> layout_of_host;
    for (int host = 0; host < static_cast<int>(cluster.hosts.size()); ++host) {
        const Machine& machine = cluster.machine_of(host);
        Layout layout{cluster.hosts[static_cast<std::size_t>(host)].machine, {}};
        const bool with_gpus = below(2) == 0;
        for (int rank = 0; rank < 1 + below(6); ++rank) {
            const int cores = static_cast<int>(machine.cores.size());
            const int gpu = with_gpus ? below(static_cast<int>(machine.gpus.size()) + 1) - 1 : -1;
            layout.places.push_back(place_on_core(machine, below(cores), gpu, 0));
            if (below(4) == 0) layout.places.back().spot.core = 0;
            if (below(6) == 0) layout.places.back().spot = {};
        }
        layouts.push_back(layout);
        layout_of_host.push_back(host > 0 && below(4) == 0 ? -1 : host);
    }
    return placement_of(layouts, layout_of_host);
}

}  // namespace

TEST_CASE("links: hosts below one switch are nearer than others") {
    const Machine machine = regular_machine(1, 1, 1, 2);
    const Cluster cluster = two_leaves(machine);
    const Placement placement = placement_of({full_layout(machine)}, {0, 0, 0, 0});
    const Links links(cluster, placement, default_costs());
    CHECK(links.class_between(0, 4) == LinkClass::network_switch);
    CHECK(links.class_between(0, 2) == LinkClass::network);
    CHECK(links.between(0, 4).cost.latency_us == latency(LinkClass::network_switch));
    CHECK(links.between(0, 2).cost.latency_us == latency(LinkClass::network));
}

TEST_CASE("links: hosts below one switch have neighbouring positions") {
    const Machine machine = regular_machine(1, 1, 1, 2);
    const Cluster cluster = two_leaves(machine);
    const Placement placement = placement_of({full_layout(machine)}, {0, 0, 0, 0});
    const Links links(cluster, placement, default_costs());
    const std::vector<int> expected{0, 1, 4, 5, 2, 3, 6, 7};
    CHECK(std::equal(expected.begin(), expected.end(), links.rank_at().begin(),
                     links.rank_at().end()));
}

TEST_CASE("links: what leaves a switch shares its links upwards") {
    const Machine machine = regular_machine(1, 1, 1, 2);
    const Cluster cluster = two_leaves(machine);
    const Placement placement = placement_of({full_layout(machine)}, {0, 0, 0, 0});
    const Links links(cluster, placement, default_costs());
    REQUIRE(links.costs().groups.size() == 7);
    CHECK(links.costs().groups[1].uplink_us_per_byte == doctest::Approx(1e-3 / 50));
    CHECK(links.between(0, 2).edges ==
          std::vector<std::string>{"nic of node0", "switch leaf0", "switch leaf1", "nic of node1"});
}

TEST_CASE("links: a third level of switches costs as much again") {
    const Machine machine = regular_machine(1, 1, 1, 1);
    Cluster cluster = equal_hosts(machine, 3);
    cluster.switches = {{.name = "core"},
                        {.name = "pod0", .parent = 0},
                        {.name = "pod1", .parent = 0},
                        {.name = "leaf0", .parent = 1},
                        {.name = "leaf1", .parent = 1},
                        {.name = "leaf2", .parent = 2}};
    for (int host = 0; host < 3; ++host)
        cluster.hosts[static_cast<std::size_t>(host)].leaf_switch = 3 + host;
    const Placement placement = placement_of({full_layout(machine)}, {0, 0, 0});
    const Links links(cluster, placement, default_costs());
    const double step = latency(LinkClass::network) - latency(LinkClass::network_switch);
    CHECK(links.between(0, 1).cost.latency_us == doctest::Approx(latency(LinkClass::network)));
    CHECK(links.between(0, 2).cost.latency_us ==
          doctest::Approx(latency(LinkClass::network) + step));
}

TEST_CASE("links: a rank has the bandwidth of its NIC, a host that of all its ranks' NICs") {
    Machine machine = regular_machine(1, 1, 1, 2);
    machine.nics = {nic("mlx5_0", 50), nic("mlx5_1", 50), nic("eth0", 1.25)};
    const Cluster cluster = equal_hosts(machine, 2);
    const Layout layout{0, {place_on_core(machine, 0, -1, 0), place_on_core(machine, 1, -1, 1)}};
    const Placement placement = placement_of({layout}, {0, 0});
    const Links links(cluster, placement, default_costs());
    CHECK(links.between(0, 2).cost.gbytes_per_s() == doctest::Approx(50));
    CHECK(links.costs().groups[1].uplink_us_per_byte == doctest::Approx(1e-5));
    CHECK(links.between(1, 2).edges ==
          std::vector<std::string>{"nic mlx5_1 of node0", "nic mlx5_0 of node1"});
}

TEST_CASE("links: a NIC of unknown speed has that of the table") {
    Machine machine = regular_machine(1, 1, 1, 1);
    machine.nics = {nic("eth0", 0)};
    const Cluster cluster = equal_hosts(machine, 2);
    const Placement placement =
        placement_of({Layout{0, {place_on_core(machine, 0, -1, 0)}}}, {0, 0});
    const Links links(cluster, placement, default_costs());
    CHECK(links.between(0, 1).cost == default_costs().of(LinkClass::network));
}

TEST_CASE("links: hosts without ranks have no positions") {
    const Machine machine = regular_machine(1, 1, 1, 2);
    const Cluster cluster = equal_hosts(machine, 3);
    const Placement placement = placement_of({full_layout(machine)}, {0, -1, 0});
    const Links links(cluster, placement, default_costs());
    CHECK(links.costs().size() == 4);
    CHECK(links.class_between(0, 2) == LinkClass::network);
}

TEST_CASE("links: on random clusters, links and costs say the same, both ways") {
    // Every class of its own gap, which no distance changes.
    CostTable table = default_costs();
    for (std::size_t link = 0; link < table.links.size(); ++link)
        table.links[link].gap_us = static_cast<double>(link);
    std::mt19937 random(7);
    for (int turn = 0; turn < 300; ++turn) {
        const Cluster cluster = random_cluster(random);
        const Placement placement = random_placement(cluster, random);
        const Links links(cluster, placement, table);
        REQUIRE(links.costs().size() == placement.size());
        const PairMatrix matrix = as_matrix(links.costs());
        for (int i = 0; i < placement.size(); ++i) {
            for (int j = 0; j < placement.size(); ++j) {
                if (i == j) continue;
                const int a = links.rank_at()[static_cast<std::size_t>(i)];
                const int b = links.rank_at()[static_cast<std::size_t>(j)];
                const Link link = links.between(a, b);
                REQUIRE(link.cost == links.costs().between(i, j));
                REQUIRE(link.cost == links.between(b, a).cost);
                REQUIRE(link.link_class == links.class_between(b, a));
                REQUIRE(link.cost ==
                        matrix.costs[static_cast<std::size_t>(i * placement.size() + j)]);
                REQUIRE(link.cost.gap_us == table.of(link.link_class).gap_us);
            }
        }
    }
}

TEST_CASE("links: a million ranks on 8,192 hosts take less than a second") {
    const Machine machine = regular_machine(2, 4, 4, 4);
    const Cluster cluster = equal_hosts(machine, 8192);
    const Placement placement = placement_of({full_layout(machine)}, std::vector<int>(8192, 0));
    REQUIRE(placement.size() == 1 << 20);
    const auto start = std::chrono::steady_clock::now();
    const Links links(cluster, placement, default_costs());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    MESSAGE("took ", took.count(), " s");
    CHECK(took.count() < 1);
    CHECK(links.class_between(0, (1 << 20) - 1) == LinkClass::network);
    CHECK(links.between(5, 6).link_class == LinkClass::l3);
}
