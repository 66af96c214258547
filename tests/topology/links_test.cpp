// SPDX-License-Identifier: Apache-2.0
#include "topology/link/links.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "base/error.hpp"
#include "tests/topology/machines.hpp"
#include "topology/link/spot_links.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;
using namespace ipcrun::topology;

namespace {

/// A rank on every core of one machine.
struct Box {
    explicit Box(Machine machine)
        : cluster(equal_hosts(std::move(machine), 1)),
          placement(placement_of({full_layout(cluster.machines[0])}, {0})),
          links(cluster, placement, default_costs()) {}

    Cluster cluster;
    Placement placement;
    Links links;
};

double latency(LinkClass link) {
    return default_costs().of(link).latency_us;
}

}  // namespace

TEST_CASE("links: pairs of CPUs are of the class of what they share") {
    // 2 packages x 2 NUMA nodes x 2 L3s x 2 cores.
    const Box box(regular_machine(2, 2, 2, 2));
    CHECK(box.links.class_between(0, 0) == LinkClass::self);
    CHECK(box.links.class_between(0, 1) == LinkClass::l3);
    CHECK(box.links.class_between(0, 2) == LinkClass::numa);
    CHECK(box.links.class_between(0, 4) == LinkClass::package);
    CHECK(box.links.class_between(0, 8) == LinkClass::machine);
    CHECK(box.links.class_between(8, 0) == LinkClass::machine);
}

TEST_CASE("links: a pair of CPUs costs what the table says of its class") {
    const Box box(regular_machine(2, 2, 2, 2));
    for (int a = 0; a < box.placement.size(); ++a)
        for (int b = 0; b < box.placement.size(); ++b)
            if (a != b) {
                const Link link = box.links.between(a, b);
                CHECK(link.cost == default_costs().of(link.link_class));
                CHECK(!link.measured);
            }
}

TEST_CASE("links: ranks on one core, and below one second-level cache, are told apart") {
    Machine machine = regular_machine(1, 1, 1, 3);
    machine.cores[1].l2 = machine.cores[0].l2;
    const Cluster cluster = equal_hosts(machine, 1);
    Layout layout;
    for (const int core : {0, 0, 1, 2}) layout.places.push_back(place_on_core(machine, core));
    const Placement placement = placement_of({layout}, {0});
    const Links links(cluster, placement, default_costs());
    CHECK(links.class_between(0, 1) == LinkClass::core);
    CHECK(links.class_between(0, 2) == LinkClass::l2);
    CHECK(links.class_between(0, 3) == LinkClass::l3);
    CHECK(links.between(0, 1).cost == default_costs().of(LinkClass::core));
    CHECK(links.between(1, 2).cost == default_costs().of(LinkClass::l2));
}

TEST_CASE("links: ranks that are not bound share what there is only one of") {
    const Machine machine = regular_machine(1, 1, 2, 2);
    const Cluster cluster = equal_hosts(machine, 1);
    Place anywhere;
    anywhere.cpus = {0, 1, 2, 3};
    const Layout layout{0, {anywhere, anywhere}};
    const Placement placement = placement_of({layout}, {0});
    CHECK(Links(cluster, placement, default_costs()).class_between(0, 1) == LinkClass::numa);
}

TEST_CASE("links: positions run along the machine, wherever ranks are") {
    const Machine machine = regular_machine(2, 1, 1, 2);
    const Cluster cluster = equal_hosts(machine, 1);
    Layout layout;
    for (const int core : {0, 2, 1, 3}) layout.places.push_back(place_on_core(machine, core));
    const Placement placement = placement_of({layout}, {0});
    const Links links(cluster, placement, default_costs());
    const std::vector<int> expected{0, 2, 1, 3};
    CHECK(std::equal(expected.begin(), expected.end(), links.rank_at().begin(),
                     links.rank_at().end()));
    CHECK(links.costs().groups.size() == 3);
}

TEST_CASE("links: what leaves a package goes through its port") {
    Machine machine = regular_machine(2, 1, 1, 2);
    machine.model = "Intel(R) Xeon(R) Platinum 8480+";
    const Box box(machine);
    const Costs& costs = box.links.costs();
    REQUIRE(costs.groups.size() == 3);
    CHECK(costs.groups[1].uplink_us_per_byte == doctest::Approx(1e-3 / 22));
    CHECK(box.links.between(0, 3).edges ==
          std::vector<std::string>{"package 0 port", "package 1 port"});
    CHECK(box.links.between(0, 1).edges.empty());
}

TEST_CASE("links: what leaves a package by its own NIC needs no port") {
    Machine machine = regular_machine(2, 1, 1, 2);
    machine.model = "AMD EPYC 9555";
    Nic nic;
    nic.near.package = 1;
    nic.network_gbytes_per_s = 50;
    machine.nics = {nic};
    const Box box(machine);
    REQUIRE(box.links.costs().groups.size() == 3);
    CHECK(box.links.costs().groups[1].uplink_us_per_byte == doctest::Approx(1e-3 / 16));
    CHECK(box.links.costs().groups[2].uplink_us_per_byte == doctest::Approx(1e-3 / 66));
}

TEST_CASE("links: a machine of one package has no port that could be the limit") {
    const Box box(regular_machine(1, 2, 1, 2));
    for (const Group& group : box.links.costs().groups) CHECK(group.uplink_us_per_byte == 0);
}

TEST_CASE("links: what leaves a NUMA node is no faster than its memory") {
    Machine machine = regular_machine(1, 2, 1, 2);
    for (NumaNode& node : machine.numa_nodes) node.gbytes_per_s = 100;
    const Box box(machine);
    REQUIRE(box.links.costs().groups.size() == 3);
    CHECK(box.links.costs().groups[2].uplink_us_per_byte == doctest::Approx(1e-5));
    CHECK(box.links.between(0, 2).edges == std::vector<std::string>{"numa 0 port", "numa 1 port"});
}

TEST_CASE("links: the latency between NUMA nodes grows with their distance") {
    // Four packages of one node, in two pairs.
    Machine machine = regular_machine(4, 1, 1, 2);
    machine.numa_latencies = {10, 21, 42, 42, 21, 10, 42, 42, 42, 42, 10, 21, 42, 42, 21, 10};
    const Box box(machine);
    CHECK(box.links.between(0, 2).cost.latency_us == doctest::Approx(latency(LinkClass::machine)));
    CHECK(box.links.between(0, 4).cost.latency_us ==
          doctest::Approx(2 * latency(LinkClass::machine)));
    CHECK(box.links.between(2, 4).cost.latency_us ==
          doctest::Approx(2 * latency(LinkClass::machine)));
    // The whole, two pairs of packages, four packages.
    CHECK(box.links.costs().groups.size() == 7);
}

TEST_CASE("links: distances that make no clusters make one, as far as the farthest") {
    // A ring of four packages.
    Machine machine = regular_machine(4, 1, 1, 2);
    machine.numa_latencies = {10, 21, 42, 21, 21, 10, 21, 42, 42, 21, 10, 21, 21, 42, 21, 10};
    const Box box(machine);
    CHECK(box.links.between(0, 2).cost.latency_us ==
          doctest::Approx(2 * latency(LinkClass::machine)));
    CHECK(box.links.costs().groups.size() == 5);
}

TEST_CASE("links: NUMA nodes within a package are clustered too") {
    Machine machine = regular_machine(1, 4, 1, 2);
    machine.numa_latencies = {10, 12, 24, 24, 12, 10, 24, 24, 24, 24, 10, 12, 24, 24, 12, 10};
    const Box box(machine);
    CHECK(box.links.class_between(0, 2) == LinkClass::package);
    CHECK(box.links.between(0, 2).cost.latency_us == doctest::Approx(latency(LinkClass::package)));
    CHECK(box.links.between(0, 4).cost.latency_us ==
          doctest::Approx(2 * latency(LinkClass::package)));
}

TEST_CASE("links: an L3 over two NUMA nodes makes no crossing groups") {
    Machine machine = regular_machine(2, 2, 1, 2);
    for (Core& core : machine.cores) core.last_level_cache = core.package;
    const Box box(machine);
    CHECK(box.links.class_between(0, 2) == LinkClass::l3);
    CHECK(box.links.between(0, 2).cost == default_costs().of(LinkClass::l3));
}

TEST_CASE("links: a NUMA node over two packages does not make them one") {
    Machine machine = regular_machine(2, 1, 1, 2);
    machine.numa_nodes.resize(1);
    for (Core& core : machine.cores) core.numa_node = 0;
    const Box box(machine);
    CHECK(box.links.class_between(0, 2) == LinkClass::machine);
    CHECK(box.links.between(0, 2).cost == default_costs().of(LinkClass::machine));
    CHECK(box.links.class_between(0, 1) == LinkClass::l3);
}

TEST_CASE("links: the interconnect is that of the processors' generation") {
    CHECK(interconnect_gbytes_per_s("AMD EPYC 9555 64-Core Processor") == 16);
    CHECK(interconnect_gbytes_per_s("Intel(R) Xeon(R) CPU E5-2695 v4 @ 2.10GHz") == 6);
    CHECK(interconnect_gbytes_per_s("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz") == 10);
    CHECK(interconnect_gbytes_per_s("Intel(R) Xeon(R) Platinum 8480C") == 22);
    CHECK(interconnect_gbytes_per_s("Intel(R) Xeon(R) Platinum 8592+") == 40);
    CHECK(interconnect_gbytes_per_s("Intel(R) Xeon(R) 6980P") == 40);
    CHECK(interconnect_gbytes_per_s("POWER9, altivec supported") == 32);
    CHECK(interconnect_gbytes_per_s("") == 10);
}

TEST_CASE("links: of spots alone, neighbours come together") {
    const std::vector<Spot> spots{{1, 1, 1, 1, 1}, {2, 2, 2, 3, 3}, {1, 1, 1, 2, 2}, {}};
    const SpotCosts costs = costs_of_spots(spots, default_costs());
    CHECK(costs.order == std::vector<int>{0, 2, 1, 3});
    CHECK(costs.costs.between(0, 1) == default_costs().of(LinkClass::l3));
    CHECK(costs.costs.between(1, 2) == default_costs().of(LinkClass::machine));
    CHECK(costs.costs.between(2, 3) == default_costs().of(LinkClass::machine));
}

TEST_CASE("links: a measured cost stands in for ours in both directions, but for the gap") {
    const Machine machine = regular_machine(2, 1, 1, 2);
    const Cluster cluster = equal_hosts(machine, 1);
    const Placement placement = placement_of({full_layout(machine)}, {0});
    const Links links(cluster, placement, default_costs(),
                      {{.a = 1, .b = 3, .latency_us = 7, .us_per_byte = 0.5}});
    const Link link = links.between(3, 1);
    CHECK(link.measured);
    CHECK(link.cost == LinkCost{7, default_costs().of(LinkClass::machine).gap_us, 0.5});
    CHECK(link.link_class == LinkClass::machine);
    CHECK(!links.between(0, 3).measured);
    CHECK(links.between(0, 3).cost == default_costs().of(LinkClass::machine));
}

TEST_CASE("links: an edge carries what was measured over it") {
    const Machine machine = regular_machine(2, 1, 1, 2);
    const Cluster cluster = equal_hosts(machine, 1);
    const Placement placement = placement_of({full_layout(machine)}, {0});
    const Links links(cluster, placement, default_costs(),
                      {{.a = 0, .b = 2, .latency_us = 1, .us_per_byte = 1e-6}});
    const PairMatrix matrix = as_matrix(links.costs());
    REQUIRE(matrix.edges_of(0, 2).size() == 2);
    for (const int edge : matrix.edges_of(0, 2))
        CHECK(matrix.edge_us_per_byte[static_cast<std::size_t>(edge)] == 1e-6);
}

TEST_CASE("links: costs of single pairs are for few ranks") {
    const Machine machine = regular_machine(1, 1, 1, 2);
    const Cluster cluster = equal_hosts(machine, 1000);
    const Placement placement = placement_of({full_layout(machine)}, std::vector<int>(1000, 0));
    CHECK_THROWS_AS(Links(cluster, placement, default_costs(), {{.a = 0, .b = 1}}), Error);
}
