// SPDX-License-Identifier: Apache-2.0
// Proves who gets which GPU and NIC, and which cores with them.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/error.hpp"
#include "tests/topology/sample_machines.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

std::string spots(const std::vector<Place>& places, int Spot::*field) {
    std::string text;
    for (const Place& place : places)
        text += (text.empty() ? "" : " ") + std::to_string(place.spot.*field);
    return text;
}

std::string refusal(const Cluster& cluster, const Mapping& mapping) {
    try {
        (void)place_ranks(cluster, 2, mapping);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("gpus: four ranks get the four GPUs, the NIC beside each and a quarter of the cores") {
    const auto places = places_of(four_gpus(), 4);
    CHECK(each(places, &Place::gpu) == "0 1 2 3");
    CHECK(each(places, &Place::nic) == "1 2 3 4");
    // Nodes 0, 3, 4 and 5 have no GPU: each goes to one of the two ranks of its package.
    CHECK(cpus_of(places) == "0-31 | 32-63 | 64-79,96-111 | 80-95,112-127");
    CHECK(each(places, &Place::threads) == "32 32 32 32");
}

TEST_CASE("gpus: two ranks take GPUs of different packages, and all cores of theirs") {
    const auto places = places_of(four_gpus(), 2);
    CHECK(each(places, &Place::gpu) == "0 2");
    CHECK(cpus_of(places) == "0-63 | 64-127");
    CHECK(spots(places, &Spot::package) == "1 2");
}

TEST_CASE("gpus: more ranks than GPUs share them as neighbours, evenly") {
    const auto places = places_of(four_gpus(), 6);
    CHECK(each(places, &Place::gpu) == "0 0 1 2 2 3");
    CHECK(each(places, &Place::nic) == "1 1 2 3 3 4");
    // The ranks with a GPU to themselves have its node; the others catch up with the nodes between.
    CHECK(each(places, &Place::threads) == "21 21 22 21 21 22");
    CHECK(cpus_of(places_of(four_gpus(), 8)) ==
          "0-15 | 16-31 | 32-47 | 48-63 | 64-79 | 96-111 | 80-95 | 112-127");
    const auto many = places_of(four_gpus(), 256);
    CHECK(std::count_if(many.begin(), many.end(),
                        [](const Place& place) { return place.gpu == 2; }) == 64);
    for (const Place& place : many) CHECK(place.threads == 1);
}

TEST_CASE("gpus: eight ranks get eight caches and the die below each") {
    const auto places = places_of(eight_dies(), 8);
    CHECK(cpus_of(places) == "0-7 | 8-15 | 16-23 | 24-31 | 32-39 | 40-47 | 48-55 | 56-63");
    CHECK(each(places, &Place::gpu) == "4 5 2 3 6 7 0 1");
    CHECK(each(places, &Place::nic) == "2 2 1 1 3 3 0 0");
    CHECK(spots(places, &Spot::last_level_cache) == "1 2 3 4 5 6 7 8");
}

TEST_CASE("gpus: four ranks on eight dies take one of every NUMA node, and the whole node") {
    const auto places = places_of(eight_dies(), 4);
    CHECK(each(places, &Place::gpu) == "4 2 6 0");
    CHECK(cpus_of(places) == "0-15 | 16-31 | 32-47 | 48-63");
}

TEST_CASE("gpus: nodes without a GPU are of use to ranks of the nearest one") {
    Machine machine = machine_of({.nodes = 3, .cores = 4});
    add_gpu(machine, near_node(machine, 0));
    add_gpu(machine, near_node(machine, 2));
    machine.numa_latencies = {10, 11, 20, 11, 10, 20, 20, 20, 10};
    CHECK(cpus_of(places_of(machine, 2)) == "0-7 | 8-11");
    machine.numa_latencies = {};
    CHECK(cpus_of(places_of(machine, 2)) == "0-5 | 6-11");
}

TEST_CASE("gpus: where cores are few, those with the fewest are given more first") {
    // Two GPUs at the first node of four cores, one at the third; the second has none.
    Machine machine = machine_of({.nodes = 3, .cores = 4});
    add_gpu(machine, near_node(machine, 0));
    add_gpu(machine, near_node(machine, 0));
    add_gpu(machine, near_node(machine, 2));
    CHECK(cpus_of(places_of(machine, 3)) == "0-1,4-5 | 2-3,6-7 | 8-11");
}

TEST_CASE("gpus: ranks that have one together are placed as without it") {
    Machine machine = machine_of({.packages = 2, .nodes = 2, .caches = 2, .cores = 3});
    add_gpu(machine, near_node(machine, 2));
    for (int ranks = 1; ranks < 60; ++ranks)
        CHECK(cpus_of(places_of(machine, ranks)) ==
              cpus_of(places_of(machine, ranks, {.gpus = false})));
}

TEST_CASE("gpus: more ranks than cores near a GPU share those cores") {
    Machine machine = machine_of({.nodes = 2, .cores = 2});
    add_gpu(machine, near_node(machine, 0));
    add_gpu(machine, near_node(machine, 1));
    CHECK(cpus_of(places_of(machine, 6)) == "0 | 0 | 1 | 2 | 2 | 3");
}

TEST_CASE("gpus: nearness gives way before ranks share cores while others have many") {
    Machine machine = machine_of({.nodes = 2, .cores = 6});
    machine.cores.erase(machine.cores.begin() + 1, machine.cores.begin() + 6);
    add_gpu(machine, near_node(machine, 0));
    add_gpu(machine, near_node(machine, 1));
    const auto places = places_of(machine, 6);
    CHECK(each(places, &Place::gpu) == "0 0 0 1 1 1");
    CHECK(cpus_of(places) == "0 | 6-7 | 8 | 9 | 10 | 11");
}

TEST_CASE("gpus: one that is near to nothing takes what others leave") {
    Machine machine = machine_of({.packages = 2, .cores = 4});
    add_gpu(machine, {});
    add_gpu(machine, near_node(machine, 0));
    const auto places = places_of(machine, 2);
    CHECK(each(places, &Place::gpu) == "1 0");
    CHECK(cpus_of(places) == "0-3 | 4-7");
    Machine unknown = machine_of({.packages = 2, .cores = 4});
    for (int i = 0; i < 2; ++i) add_gpu(unknown, {});
    CHECK(cpus_of(places_of(unknown, 2)) == "0-3 | 4-7");
}

TEST_CASE("gpus: a GPU whose only cores belong to another shares them with it") {
    Machine machine = machine_of({.nodes = 1, .caches = 1, .cores = 5});
    add_gpu(machine, near_cache(machine, 0));
    add_gpu(machine, near_node(machine, 0));
    const auto places = places_of(machine, 2);
    CHECK(each(places, &Place::threads) == "3 2");
    CHECK(cpus_of(places) == "0-2 | 3-4");
}

TEST_CASE("gpus: --bind-to acts on the share of the GPU") {
    const auto bound = [](BindTo bind_to) {
        return cpus_of(places_of(four_gpus(), 2, {.bind_to = bind_to}));
    };
    CHECK(bound(BindTo::core) == "16 | 96");  // beside the GPU, not the first of the package
    CHECK(bound(BindTo::package) == "0-63 | 64-127");
    CHECK(bound(BindTo::none) == "0-127 | 0-127");
    CHECK(each(places_of(four_gpus(), 2, {.bind_to = BindTo::none}), &Place::gpu) == "0 2");
}

TEST_CASE("gpus: without sharing GPUs out, places are those of a machine without") {
    const auto places = places_of(four_gpus(), 3, {.gpus = false});
    CHECK(each(places, &Place::gpu) == "-1 -1 -1");
    Machine bare = four_gpus();
    bare.gpus.clear();
    CHECK(places == places_of(bare, 3));
}

TEST_CASE("gpus: policies that settle the cores give each rank the GPU near to them") {
    const auto mapped = [](int ranks, const char* map_by) {
        return each(places_of(four_gpus(), ranks, {.map_by = parse_map_by(map_by)}), &Place::gpu);
    };
    CHECK(mapped(4, "package") == "0 3 1 2");
    CHECK(mapped(8, "numa") == "0 0 1 1 2 3 2 3");
    CHECK(mapped(2, "numa") == "1 0");
}

TEST_CASE("gpus: --map-by gpu counts GPUs as slots where no slots are named") {
    const Mapping by_gpu{.map_by = parse_map_by("gpu")};
    const Placement placement = place_ranks(hosts_of(four_gpus(), {0, 0, 2}), std::nullopt, by_gpu);
    CHECK(placement.first_of_host == std::vector<int>{0, 4, 8, 10});
    CHECK(place_ranks(hosts_of(four_gpus(), {0, 0}), 6, by_gpu).first_of_host ==
          std::vector<int>{0, 4, 6});
    CHECK(each(places_of(four_gpus(), 6, by_gpu), &Place::gpu) == "0 0 1 2 2 3");
    CHECK(each(places_of(four_gpus(), 8, {.map_by = parse_map_by("ppr:2:gpu")}), &Place::gpu) ==
          "0 0 1 1 2 2 3 3");
}

TEST_CASE("gpus: --map-by gpu names the host that has none") {
    Cluster cluster = hosts_of(four_gpus(), {0, 0});
    cluster.machines.push_back(machine_of({.cores = 2}));
    cluster.hosts[1].machine = 1;
    CHECK(refusal(cluster, {.map_by = parse_map_by("gpu")}) ==
          "--map-by gpu: the machine of host n1 has no GPU");
    CHECK(refusal(cluster, {.map_by = parse_map_by("ppr:1:gpu")}) ==
          "--map-by ppr:1:gpu: the machine of host n1 has no GPU");
    CHECK(refusal(hosts_of(four_gpus(), {0}), {.map_by = parse_map_by("gpu"), .gpus = false})
              .find("not to be shared out") != std::string::npos);
}

TEST_CASE("nics: the nearest to the GPU is taken, by PCI before NUMA before package") {
    Machine machine = machine_of({.packages = 2, .nodes = 2, .cores = 1});
    const Nearness near = near_node(machine, 0);
    const int below = add_switch(machine, near);
    add_gpu(machine, near, below);
    const auto nic = [&] { return places_of(machine, 1).at(0).nic; };
    CHECK(nic() == -1);
    add_nic(machine, near_node(machine, 3), -1, 100);
    CHECK(nic() == 0);
    add_nic(machine, near_node(machine, 1), -1, 50);
    CHECK(nic() == 1);
    add_nic(machine, near);
    CHECK(nic() == 2);
    machine.bridges.push_back({.parent = 0, .pci_id = {}});
    add_nic(machine, near, 2);
    CHECK(nic() == 3);
    add_nic(machine, near, below);
    CHECK(nic() == 4);
}

TEST_CASE("nics: without a GPU the nearest to the cores is taken") {
    Machine machine = machine_of({.packages = 2, .nodes = 2, .cores = 2});
    for (const int node : {2, 0, 3}) add_nic(machine, near_node(machine, node));
    CHECK(each(places_of(machine, 4), &Place::nic) == "1 1 0 2");
    CHECK(each(places_of(machine, 2), &Place::nic) == "1 0");
}

TEST_CASE("nics: of equally near ones the fastest, each for a run of neighbours") {
    Machine machine = machine_of({.packages = 2, .cores = 4});
    for (const double speed : {25, 50, 50, 1}) add_nic(machine, near_node(machine, 1), -1, speed);
    CHECK(each(places_of(machine, 4), &Place::nic) == "1 1 2 2");
}

TEST_CASE("nics: ranks that are fewer than equally near ones take such as are apart") {
    Machine machine = machine_of({.cores = 4});
    for (int nic = 0; nic < 4; ++nic) add_nic(machine, near_node(machine, 0));
    CHECK(each(places_of(machine, 1), &Place::nic) == "0");
    CHECK(each(places_of(machine, 2), &Place::nic) == "0 2");
}

TEST_CASE("nics: who has a choice leaves the one that another has to take") {
    Machine machine = machine_of({.nodes = 2, .cores = 1});
    add_nic(machine, near_node(machine, 1));
    add_nic(machine, {.package = 0});
    // For rank 0 both are in its package; rank 1 stands at number 0.
    CHECK(each(places_of(machine, 2), &Place::nic) == "1 0");
}

// As LaneHolders of runtime/world does: a host's members, evenly picked.
TEST_CASE("nics: lanes of an allreduce between hosts use as many as there can be") {
    for (int nics = 1; nics <= 4; ++nics)
        for (int ranks = 1; ranks <= 24; ++ranks) {
            CAPTURE(nics);
            CAPTURE(ranks);
            Machine machine = machine_of({.cores = 24});
            for (int nic = 0; nic < nics; ++nic) add_nic(machine, near_node(machine, 0));
            const auto places = places_of(machine, ranks);
            const int lanes = std::min(ranks, 4);
            std::set<int> used;
            for (int lane = 0; lane < lanes; ++lane)
                used.insert(places.at(static_cast<std::size_t>(lane * ranks / lanes)).nic);
            CHECK(static_cast<int>(used.size()) == std::min(nics, lanes));
        }
}

TEST_CASE("nics: one for administration is not taken for being near") {
    Machine machine = machine_of({.packages = 2, .cores = 4});
    add_nic(machine, near_node(machine, 0), -1, 0.125);
    CHECK(each(places_of(machine, 2), &Place::nic) == "0 0");
    add_nic(machine, near_node(machine, 1));
    CHECK(each(places_of(machine, 2), &Place::nic) == "1 1");
}

TEST_CASE("packages: 24 ranks on 24 packages get one each") {
    const Machine machine = machine_of({.packages = 24, .cores = 8});
    const auto places = places_of(machine, 24);
    for (int rank = 0; rank < 24; ++rank) {
        const Place& place = places[static_cast<std::size_t>(rank)];
        CHECK(place.spot.package == rank + 1);
        CHECK(place.threads == 8);
        CHECK(place.memory_nodes == std::vector<int>{2 * rank});
    }
}

TEST_CASE("gpus: hold what they promise on every machine") {
    std::mt19937 random(20260522);
    const auto pick = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    for (int round = 0; round < 600; ++round) {
        const Shape shape{.packages = pick(1, 3),
                          .nodes = pick(1, 3),
                          .caches = pick(1, 3),
                          .cores = pick(1, 5),
                          .threads = pick(1, 2)};
        Machine machine = machine_of(shape);
        const int nodes = shape.packages * shape.nodes;
        const auto near = [&]() -> Nearness {
            switch (pick(0, 4)) {
                case 0:
                    return near_cache(machine, pick(0, nodes * shape.caches - 1));
                case 1:
                    return {.package = pick(0, shape.packages - 1)};
                case 2:
                    return {};
                default:
                    return near_node(machine, pick(0, nodes - 1));
            }
        };
        const int gpus = pick(1, 9);
        for (int gpu = 0; gpu < gpus; ++gpu) add_gpu(machine, near());
        for (int nic = pick(0, 3); nic > 0; --nic) add_nic(machine, near(), -1, pick(0, 2));
        if (pick(0, 1) > 0)
            for (int pair = 0; pair < nodes * nodes; ++pair)
                machine.numa_latencies.push_back(pick(10, 13));
        const auto cores = static_cast<int>(machine.cores.size());
        const int ranks = pick(1, 2 * cores + 2);
        const char* map_by = std::array{"auto", "gpu", "auto", "numa", "core"}[round % 5];
        CAPTURE(round);
        CAPTURE(ranks);
        CAPTURE(gpus);
        const Mapping mapping{.map_by = parse_map_by(map_by)};
        const auto places = places_of(machine, ranks, mapping);
        CHECK(places == places_of(machine, ranks, mapping));
        REQUIRE(static_cast<int>(places.size()) == ranks);
        std::map<int, int> ranks_of_cpu;
        std::map<int, int> ranks_of_gpu;
        for (const Place& place : places) {
            REQUIRE_FALSE(place.cpus.empty());
            CHECK(std::is_sorted(place.cpus.begin(), place.cpus.end()));
            for (const int cpu : place.cpus) {
                CHECK((0 <= cpu && cpu < cores * shape.threads));
                ++ranks_of_cpu[cpu];
            }
            CHECK((0 <= place.gpu && place.gpu < gpus));
            ++ranks_of_gpu[place.gpu];
            CHECK((place.nic >= 0) == !machine.nics.empty());
        }
        for (const auto& [gpu, users] : ranks_of_gpu) {
            CHECK(users <= (ranks + gpus - 1) / gpus);
            CHECK(users >= ranks / gpus);
        }
        if (std::string(map_by) == "numa" || std::string(map_by) == "core") continue;
        CHECK(static_cast<int>(ranks_of_cpu.size()) == cores * shape.threads);
        for (const auto& [cpu, users] : ranks_of_cpu) CHECK(users <= (ranks + cores - 1) / cores);
        for (const Place& place : places)
            if (place.threads > 1)
                for (const int cpu : place.cpus) CHECK(ranks_of_cpu[cpu] == 1);
    }
}
