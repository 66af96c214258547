// SPDX-License-Identifier: Apache-2.0
// Proves where ranks go on machines built by hand, and what holds for every machine. Whether the
// kernel binds them there is proven by tests/base/child_test.cpp.
#include "topology/place/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

/// Cores of each NUMA node, node by node; nodes spread evenly over packages. Hardware thread t of
/// core c has CPU number c + t * cores, as Linux numbers them on most hosts. NUMA nodes have the
/// kernel's numbers 0, 2, 4, ... so that an index is never taken for a number.
Machine build(const std::vector<int>& cores_of_node, int packages = 1, int threads = 1) {
    Machine machine;
    machine.packages = packages;
    int cores = 0;
    for (const int count : cores_of_node) cores += count;
    const int nodes = static_cast<int>(cores_of_node.size());
    for (int node = 0; node < nodes; ++node) {
        machine.numa_nodes.push_back({.os_index = 2 * node, .bytes = 1 << 30});
        for (int i = 0; i < cores_of_node[static_cast<std::size_t>(node)]; ++i) {
            Core core{.cpus = {},
                      .package = node * packages / nodes,
                      .numa_node = node,
                      .last_level_cache = node};
            for (int thread = 0; thread < threads; ++thread)
                core.cpus.push_back(static_cast<int>(machine.cores.size()) + thread * cores);
            machine.cores.push_back(core);
        }
    }
    return machine;
}

/// "0-1 @0 x2": CPUs, memory nodes, threads; ranks separated by " | ".
std::string describe(const std::vector<Place>& places) {
    std::string text;
    for (const Place& place : places) {
        if (!text.empty()) text += " | ";
        text += format_list(place.cpus);
        if (!place.memory_nodes.empty()) text += " @" + format_list(place.memory_nodes);
        text += " x" + std::to_string(place.threads);
    }
    return text;
}

std::vector<Place> places_on(const Machine& machine, int ranks,
                             BindTo bind_to = BindTo::automatic) {
    return place_ranks(cluster_of(machine), ranks, {.bind_to = bind_to}).layouts.at(0).places;
}

std::string placed(const Machine& machine, int ranks, BindTo bind_to = BindTo::automatic) {
    return describe(places_on(machine, ranks, bind_to));
}

}  // namespace

TEST_CASE("placement: one core takes every rank") {
    CHECK(placed(build({1}), 1) == "0 x1");
    CHECK(placed(build({1}), 3) == "0 x1 | 0 x1 | 0 x1");
}

TEST_CASE("placement: eight ranks on two cores share them as neighbours") {
    CHECK(placed(build({2}), 8) == "0 x1 | 0 x1 | 0 x1 | 0 x1 | 1 x1 | 1 x1 | 1 x1 | 1 x1");
}

TEST_CASE("placement: a rank gets all hardware threads of its cores") {
    const Machine machine = build({4, 4}, 2, 2);
    CHECK(placed(machine, 2) == "0-3,8-11 @0 x4 | 4-7,12-15 @2 x4");
    CHECK(placed(machine, 4) ==
          "0-1,8-9 @0 x2 | 2-3,10-11 @0 x2 | 4-5,12-13 @2 x2 | "
          "6-7,14-15 @2 x2");
    CHECK(placed(machine, 1) == "0-15 @0,2 x8");
}

TEST_CASE("placement: where cores do not divide, the larger shares are spread evenly") {
    CHECK(placed(build({8}), 3) == "0-2 x3 | 3-4 x2 | 5-7 x3");
}

TEST_CASE("placement: shares end at NUMA nodes where the counts allow it") {
    const Machine machine = build({6, 6, 6, 6});
    CHECK(placed(machine, 4) == "0-5 @0 x6 | 6-11 @2 x6 | 12-17 @4 x6 | 18-23 @6 x6");
    // 24 / 16: the larger shares are spread so that every node holds four ranks.
    CHECK(placed(machine, 16) ==
          "0-1 @0 x2 | 2 @0 x1 | 3-4 @0 x2 | 5 @0 x1 | 6-7 @2 x2 | 8 @2 x1 | 9-10 @2 x2 | "
          "11 @2 x1 | 12-13 @4 x2 | 14 @4 x1 | 15-16 @4 x2 | 17 @4 x1 | 18-19 @6 x2 | "
          "20 @6 x1 | 21-22 @6 x2 | 23 @6 x1");
    for (const Place& place : places_on(machine, 10)) CHECK(place.memory_nodes.size() <= 2);
}

TEST_CASE("placement: an asymmetric machine is cut at its nodes too") {
    // 5 + 3 cores and 3 ranks: 3 + 2 on the first node, 3 on the second.
    CHECK(placed(build({5, 3}, 2), 3) == "0-2 @0 x3 | 3-4 @0 x2 | 5-7 @2 x3");
    CHECK(placed(build({3, 5}, 2), 3) == "0-2 @0 x3 | 3-4 @2 x2 | 5-7 @2 x3");
}

TEST_CASE("placement: a package boundary counts for more than NUMA boundaries") {
    // Packages of (1 + 2) and (2 + 2) cores, 3 ranks: cutting behind core 2 parts the packages;
    // any other choice would respect at most the smaller boundaries.
    Machine machine = build({1, 2, 2, 2}, 2);
    CHECK(placed(machine, 3) == "0-2 @0,2 x3 | 3-4 @4 x2 | 5-6 @6 x2");
}

TEST_CASE("placement: a quota lowers the threads and leaves the CPUs") {
    Machine machine = build({8});
    machine.cpu_quota = 4;
    CHECK(placed(machine, 2) == "0-3 x2 | 4-7 x2");
    CHECK(placed(machine, 8).find("x2") == std::string::npos);
    machine.cpu_quota = 1.5;
    CHECK(placed(machine, 1) == "0-7 x2");
    machine.cpu_quota = 100;
    CHECK(placed(machine, 1) == "0-7 x8");
}

TEST_CASE("placement: --bind-to none leaves every CPU and the memory free") {
    CHECK(placed(build({2, 2}), 2, BindTo::none) == "0-3 x2 | 0-3 x2");
}

TEST_CASE("placement: --bind-to core gives the first core of the share") {
    CHECK(placed(build({4, 4}), 2, BindTo::core) == "0 @0 x1 | 4 @2 x1");
    CHECK(placed(build({2}), 4, BindTo::core) == "0 x1 | 0 x1 | 1 x1 | 1 x1");
    CHECK(placed(build({2}, 1, 2), 2, BindTo::core) == "0,2 x1 | 1,3 x1");
}

TEST_CASE("placement: --bind-to numa and package widen the share") {
    const Machine machine = build({2, 2, 2, 2}, 2);
    CHECK(placed(machine, 8, BindTo::numa).substr(0, 9) == "0-1 @0 x1");
    CHECK(placed(machine, 2, BindTo::numa) == "0-3 @0,2 x4 | 4-7 @4,6 x4");
    CHECK(placed(machine, 4, BindTo::package) ==
          "0-3 @0,2 x2 | 0-3 @0,2 x2 | 4-7 @4,6 x2 | 4-7 @4,6 x2");
    CHECK(placed(machine, 16, BindTo::numa).substr(0, 9) == "0-1 @0 x1");
}

TEST_CASE("placement: holds for every machine and number of ranks") {
    const unsigned seed = 20260521;
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    for (int round = 0; round < 400; ++round) {
        std::vector<int> nodes(static_cast<std::size_t>(pick(1, 6)));
        for (int& count : nodes) count = pick(1, 9);
        const int packages = pick(1, static_cast<int>(nodes.size()));
        const Machine machine = build(nodes, packages, pick(1, 2));
        const int cores = static_cast<int>(machine.cores.size());
        const int ranks = pick(1, 2 * cores + 3);
        CAPTURE(round);
        CAPTURE(cores);
        CAPTURE(ranks);
        const auto places = places_on(machine, ranks);
        REQUIRE(static_cast<int>(places.size()) == ranks);
        std::map<int, int> ranks_of_cpu;
        std::set<int> sizes;
        int threads = 0;
        for (const Place& place : places) {
            CHECK_FALSE(place.cpus.empty());
            CHECK(std::is_sorted(place.cpus.begin(), place.cpus.end()));
            for (const int cpu : place.cpus) ++ranks_of_cpu[cpu];
            sizes.insert(static_cast<int>(place.cpus.size()));
            threads += place.threads;
        }
        for (const Core& core : machine.cores) {
            const int served = ranks_of_cpu[core.cpus[0]];
            for (const int cpu : core.cpus) CHECK(ranks_of_cpu[cpu] == served);
            CHECK(served >= std::max(ranks / cores, 1));
            CHECK(served <= std::max((ranks + cores - 1) / cores, 1));
        }
        const int smt = static_cast<int>(machine.cores[0].cpus.size());
        CHECK(*sizes.rbegin() - *sizes.begin() <= smt);
        CHECK(threads == std::max(ranks, cores));
    }
}

TEST_CASE("placement: a place knows the NUMA node and the cache that it lies within") {
    const auto localities = [](const Machine& machine, int ranks, BindTo bind_to) {
        std::string text;
        for (const Place& place : places_on(machine, ranks, bind_to))
            text += std::to_string(place.spot.numa_node) +
                    std::to_string(place.spot.last_level_cache) + " ";
        return text;
    };
    Machine machine = build({4, 4});
    CHECK(localities(machine, 4, BindTo::automatic) == "11 11 22 22 ");
    CHECK(localities(machine, 1, BindTo::automatic) == "00 ");
    CHECK(localities(machine, 3, BindTo::core) == "11 11 22 ");
    CHECK(localities(machine, 2, BindTo::none) == "00 00 ");
    for (std::size_t core = 0; core < 8; ++core)
        machine.cores[core].last_level_cache = static_cast<int>(core / 2);
    CHECK(localities(machine, 2, BindTo::automatic) == "10 20 ");
    CHECK(localities(machine, 4, BindTo::automatic) == "11 12 23 24 ");
    CHECK(localities(machine, 8, BindTo::numa) == "10 10 10 10 20 20 20 20 ");
}

TEST_CASE("placement: names of bindings are read back") {
    for (const BindTo bind_to :
         {BindTo::automatic, BindTo::none, BindTo::core, BindTo::numa, BindTo::package})
        CHECK(parse_bind_to(name_of(bind_to)) == bind_to);
    for (const char* bad : {"", "Core", "socket", "core ", "cores"})
        CHECK_THROWS_AS(parse_bind_to(bad), Error);
}

TEST_CASE(
    "placement: more cores than a choice of cuts is made for are shared evenly all the same") {
    const Machine machine = build({10'000, 10'000}, 2);
    const Placement placement = place_ranks(cluster_of(machine), 13'000, {});
    std::size_t cores = 0;
    for (int rank = 0; rank < 13'000; ++rank) {
        const std::size_t own = placement.place(rank).cpus.size();
        REQUIRE((own == 1 || own == 2));
        cores += own;
    }
    CHECK(cores == 20'000);
}
