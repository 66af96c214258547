// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/topology/machines.hpp"
#include "topology/link/gpu_paths.hpp"
#include "topology/link/links.hpp"

using namespace ipcrun::testing;
using namespace ipcrun::topology;

namespace {

/// Two packages, each with a host bridge; below the first a switch (bridges 2 to 5) of which a
/// second one (6 to 9) hangs, below the second a root port. Gen 4 everywhere, 16 lanes.
///     gpus 0, 1: below the first switch; 2, 3: below the second; 4: below another root port of the
///     first package; 5: on the second package.
Machine switched_machine() {
    constexpr double x16 = 31.5;
    Machine machine = regular_machine(2, 1, 1, 8);
    machine.model = "AMD EPYC 7763";
    machine.bridges = {
        {.pci_id = "", .near = {0, 0, 0}},
        {.pci_id = "", .near = {1, 1, 1}},
        {.parent = 0, .pci_id = "0000:00:01.0", .gbytes_per_s = x16},
        {.parent = 2, .pci_id = "0000:01:00.0", .gbytes_per_s = x16},
        {.parent = 3, .pci_id = "0000:02:00.0", .gbytes_per_s = x16},
        {.parent = 3, .pci_id = "0000:02:01.0", .gbytes_per_s = x16},
        {.parent = 3, .pci_id = "0000:02:02.0", .gbytes_per_s = 15.75},
        {.parent = 6, .pci_id = "0000:03:00.0", .gbytes_per_s = 15.75},
        {.parent = 7, .pci_id = "0000:04:00.0", .gbytes_per_s = x16},
        {.parent = 7, .pci_id = "0000:04:01.0", .gbytes_per_s = x16},
        {.parent = 0, .pci_id = "0000:00:02.0", .gbytes_per_s = x16},
        {.parent = 1, .pci_id = "0000:80:01.0", .gbytes_per_s = x16},
    };
    for (const int bridge : {4, 5, 8, 9, 10, 11}) {
        Gpu gpu;
        gpu.name = "cuda" + std::to_string(machine.gpus.size());
        gpu.pci_id = "0000:a" + std::to_string(machine.gpus.size()) + ":00.0";
        gpu.bridge = bridge;
        gpu.gbytes_per_s = x16;
        machine.gpus.push_back(gpu);
    }
    return machine;
}

/// `count` GPUs that hang on nothing, with these links.
Machine linked_machine(int count, std::vector<GpuLink> links) {
    Machine machine = regular_machine(1, 1, 1, count);
    for (int index = 0; index < count; ++index) {
        Gpu gpu;
        gpu.name = "cuda" + std::to_string(index);
        machine.gpus.push_back(gpu);
    }
    machine.gpu_links = std::move(links);
    return machine;
}

/// A rank on a core of its own for each of these GPUs (-1: none).
struct GpuBox {
    GpuBox(Machine machine, const std::vector<int>& gpus) : cluster(equal_hosts(machine, 1)) {
        Layout layout;
        for (const int gpu : gpus)
            layout.places.push_back(
                place_on_core(machine, static_cast<int>(layout.places.size()), gpu));
        placement = placement_of({layout}, {0});
    }
    Links links() const { return {cluster, placement, default_costs()}; }

    Cluster cluster;
    Placement placement;
};

/// Do the pairs (a, b) and (c, d), by rank, load a common edge?
bool share_edge(const Links& links, int a, int b, int c, int d) {
    const auto position = [&](int rank) {
        const auto ranks = links.rank_at();
        return static_cast<int>(std::find(ranks.begin(), ranks.end(), rank) - ranks.begin());
    };
    const PairMatrix matrix = as_matrix(links.costs());
    const auto first = matrix.edges_of(position(a), position(b));
    const auto second = matrix.edges_of(position(c), position(d));
    return std::find_first_of(first.begin(), first.end(), second.begin(), second.end()) !=
           first.end();
}

}  // namespace

TEST_CASE("links: GPUs are of the class of the lowest bridge that they are both below") {
    const Machine machine = switched_machine();
    const GpuPaths paths(machine, default_costs());
    CHECK(paths.between(0, 1).link_class == LinkClass::pcie_switch);
    CHECK(paths.between(2, 3).link_class == LinkClass::pcie_switch);
    CHECK(paths.between(0, 2).link_class == LinkClass::pcie_bridges);
    CHECK(paths.between(0, 4).link_class == LinkClass::pcie_bridges);
    CHECK(paths.between(0, 5).link_class == LinkClass::pcie_machine);
    CHECK(paths.between(3, 3).link_class == LinkClass::self);
}

TEST_CASE("links: GPUs on two root ports of one host bridge are linked through it") {
    Machine machine = switched_machine();
    machine.bridges.push_back({.parent = 0, .pci_id = "0000:00:03.0"});
    machine.gpus[0].bridge = 12;
    CHECK(GpuPaths(machine, default_costs()).between(0, 4).link_class == LinkClass::host_bridge);
}

TEST_CASE("links: GPUs below two host bridges of one package are linked through those") {
    Machine machine = switched_machine();
    machine.bridges[1].near = {0, 0, 0};
    CHECK(GpuPaths(machine, default_costs()).between(0, 5).link_class == LinkClass::host_bridge);
}

TEST_CASE("links: the bandwidth over bridges is that of the narrowest edge") {
    const Machine machine = switched_machine();
    const GpuPaths paths(machine, default_costs());
    CHECK(paths.between(0, 1).cost.gbytes_per_s() == doctest::Approx(31.5));
    CHECK(paths.between(2, 3).cost.gbytes_per_s() == doctest::Approx(31.5));
    CHECK(paths.between(0, 2).cost.gbytes_per_s() == doctest::Approx(15.75));
    // The interconnect of two EPYCs.
    CHECK(paths.between(0, 5).cost.gbytes_per_s() == doctest::Approx(16));
}

TEST_CASE("links: a path over bridges is told edge by edge") {
    const GpuBox box(switched_machine(), {0, 1, 2, 5});
    const Links links = box.links();
    CHECK(links.between(0, 1).edges ==
          std::vector<std::string>{"pcie 0000:a0:00.0", "pcie 0000:02:00.0", "pcie 0000:02:01.0",
                                   "pcie 0000:a1:00.0"});
    const std::vector<std::string> there = links.between(0, 3).edges;
    std::vector<std::string> back = links.between(3, 0).edges;
    std::reverse(back.begin(), back.end());
    CHECK(there == back);
    CHECK(std::count(there.begin(), there.end(), "host bridge 0") == 1);
    CHECK(std::count(there.begin(), there.end(), "package 0 port") == 1);
    CHECK(std::count(there.begin(), there.end(), "package 1 port") == 1);
}

TEST_CASE("links: pairs of GPUs share the uplinks of switches, and nothing within one") {
    const GpuBox box(switched_machine(), {0, 1, 2, 3, 4, 5});
    const Links links = box.links();
    CHECK(share_edge(links, 0, 2, 1, 3));  // both enter the second switch
    CHECK(share_edge(links, 0, 5, 1, 4));  // both leave by the first root port
    CHECK(!share_edge(links, 0, 1, 2, 3));
}

TEST_CASE("links: GPUs whose links idle are not taken for slow") {
    Machine machine = switched_machine();
    for (Gpu& gpu : machine.gpus) gpu.gbytes_per_s = 2.0;
    for (Bridge& bridge : machine.bridges) bridge.gbytes_per_s = 3.94;
    const GpuPaths paths(machine, default_costs());
    for (const auto& [a, b] : {std::pair(0, 1), std::pair(0, 2), std::pair(0, 5)})
        CHECK(paths.between(a, b).cost.gbytes_per_s() >= 10);
}

TEST_CASE("links: GPUs that hang on nothing are linked by what the table says") {
    const Machine machine = linked_machine(2, {});
    const GpuPath path = GpuPaths(machine, default_costs()).between(0, 1);
    CHECK(path.link_class == LinkClass::host_bridge);
    CHECK(path.cost == default_costs().of(LinkClass::host_bridge));
}

TEST_CASE("links: a direct link comes before bridges, and only where there is one") {
    Machine machine = switched_machine();
    machine.gpu_links = {{.a = 0, .b = 5, .gbytes_per_s = 100}};
    const GpuBox box(machine, {0, 1, 5});
    const Links links = box.links();
    const Link direct = links.between(2, 0);
    CHECK(direct.link_class == LinkClass::nvlink);
    CHECK(direct.cost.gbytes_per_s() == doctest::Approx(100));
    CHECK(direct.edges == std::vector<std::string>{"nvlink gpu 0-5"});
    CHECK(links.class_between(1, 2) == LinkClass::pcie_machine);
}

TEST_CASE("links: pairs over direct links share nothing; over a switch they share ports") {
    std::vector<GpuLink> links;
    for (int b = 0; b < 4; ++b)
        for (int a = 0; a < b; ++a) links.push_back({.a = a, .b = b, .gbytes_per_s = 450});
    const GpuBox direct(linked_machine(4, links), {0, 1, 2, 3});
    CHECK(!share_edge(direct.links(), 0, 1, 0, 2));
    for (GpuLink& link : links) link.switched = true;
    const GpuBox switched(linked_machine(4, links), {0, 1, 2, 3});
    CHECK(share_edge(switched.links(), 0, 1, 0, 2));
    CHECK(!share_edge(switched.links(), 0, 1, 2, 3));
    CHECK(switched.links().between(1, 2).edges ==
          std::vector<std::string>{"gpu 1 nvlink port", "gpu 2 nvlink port"});
}

TEST_CASE("links: GPUs with links to their processors do not use PCI across packages") {
    Machine machine = switched_machine();
    for (Gpu& gpu : machine.gpus) gpu.host_gbytes_per_s = 75;
    machine.model = "POWER8";
    const GpuPaths paths(machine, default_costs());
    CHECK(paths.name(paths.between(0, 5).edges.front()) == "gpu 0 host link");
    CHECK(paths.between(0, 5).cost.gbytes_per_s() == doctest::Approx(32));
}

TEST_CASE("links: a rank with a GPU and one without are linked by their CPUs") {
    const GpuBox box(switched_machine(), {0, -1, 1});
    const Links links = box.links();
    CHECK(links.class_between(0, 1) == LinkClass::l3);
    CHECK(links.between(0, 1).cost == default_costs().of(LinkClass::l3));
    CHECK(links.class_between(0, 2) == LinkClass::pcie_switch);
}

TEST_CASE("links: ranks that share a GPU are nearer than any two GPUs") {
    const GpuBox box(switched_machine(), {0, 0, 1});
    const Links links = box.links();
    CHECK(links.class_between(0, 1) == LinkClass::self);
    CHECK(links.between(0, 1).cost == default_costs().of(LinkClass::self));
}

TEST_CASE("links: far more ranks than GPUs are linked by their CPUs") {
    const Machine machine = switched_machine();
    const GpuBox few(machine, {0, 1});
    Layout layout;
    for (int rank = 0; rank < 1025; ++rank)
        layout.places.push_back(place_on_core(machine, rank % 16, rank % 6));
    const Placement placement = placement_of({layout}, {0});
    const Links links(few.cluster, placement, default_costs());
    CHECK(links.costs().matrices.empty());
    CHECK(links.class_between(0, 1) == LinkClass::l3);
}
