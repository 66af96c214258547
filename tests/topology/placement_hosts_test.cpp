// SPDX-License-Identifier: Apache-2.0
// Proves how ranks are shared out over hosts, and over the objects of each.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/error.hpp"
#include "tests/topology/sample_machines.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

/// "0-3 | 4,6": the ranks of each host.
std::string ranks_on(const Placement& placement) {
    std::string text;
    for (std::size_t host = 0; host + 1 < placement.first_of_host.size(); ++host) {
        const auto ranks = placement.ranks_of(static_cast<int>(host));
        text += (host == 0 ? "" : " | ") + format_list({ranks.begin(), ranks.end()});
    }
    return text;
}

std::string dealt(const std::vector<int>& slots, std::optional<int> ranks, const char* map_by,
                  RankBy rank_by = RankBy::automatic) {
    return ranks_on(place_ranks(hosts_of(machine_of({.cores = 2}), slots), ranks,
                                {.map_by = parse_map_by(map_by), .rank_by = rank_by}));
}

std::string placed(const Machine& machine, int ranks, const char* map_by,
                   BindTo bind_to = BindTo::automatic, RankBy rank_by = RankBy::automatic) {
    return cpus_of(places_of(
        machine, ranks, {.map_by = parse_map_by(map_by), .rank_by = rank_by, .bind_to = bind_to}));
}

std::string refusal(const Cluster& cluster, std::optional<int> ranks, const char* map_by) {
    try {
        (void)place_ranks(cluster, ranks, {.map_by = parse_map_by(map_by)});
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("hosts: ranks fill the slots host by host") {
    CHECK(dealt({4, 2, 4}, 5, "auto") == "0-3 | 4 | ");
    CHECK(dealt({4, 2, 4}, 10, "slot") == "0-3 | 4-5 | 6-9");
    CHECK(dealt({4, 2}, 3, "numa") == "0-2 | ");
}

TEST_CASE("hosts: without a number of ranks there is one for each slot, by default each core") {
    CHECK(dealt({4, 0}, std::nullopt, "auto") == "0-3 | 4-5");
}

TEST_CASE("hosts: more ranks than slots are spread in proportion") {
    CHECK(dealt({4, 2}, 12, "auto") == "0-7 | 8-11");
    CHECK(dealt({2, 2, 2}, 8, "auto") == "0-1 | 2-4 | 5-7");
    CHECK(dealt({1, 3}, 5, "node") == "0 | 1-4");
}

TEST_CASE("hosts: --map-by node deals ranks to hosts in turn until their slots are full") {
    CHECK(dealt({2, 2, 2}, 4, "node") == "0,3 | 1 | 2");
    CHECK(dealt({1, 3, 2}, 6, "node") == "0 | 1,3,5 | 2,4");
    CHECK(dealt({1, 3, 2}, 1, "node") == "0 |  | ");
}

TEST_CASE("hosts: --rank-by numbers places host by host or in turn") {
    CHECK(dealt({2, 2, 2}, 4, "node", RankBy::slot) == "0-1 | 2 | 3");
    CHECK(dealt({2, 2, 2}, 5, "auto", RankBy::host) == "0,3 | 1,4 | 2");
}

TEST_CASE("hosts: equal machines with as many ranks have one layout") {
    const Placement placement =
        place_ranks(hosts_of(machine_of({.cores = 4}), {4, 4, 2, 4, 4}), 15, {});
    CHECK(placement.layout_of_host == std::vector<int>{0, 0, 1, 0, 2});
    CHECK(placement.layouts[2].places.size() == 1);
    CHECK(placement.place(9).cpus == std::vector<int>{2, 3});
}

TEST_CASE("hosts: --map-by slot keeps few ranks as close together as many would be") {
    const Placement placement = place_ranks(hosts_of(machine_of({.cores = 4}), {2, 4}), 4,
                                            {.map_by = parse_map_by("slot")});
    CHECK(cpus_of(placement.layouts.at(0).places) == "0-1 | 2-3");
    CHECK(cpus_of(placement.layouts.at(1).places) == "0 | 1");
}

TEST_CASE("hosts: every rank has one seat, and the host knows it") {
    std::mt19937 random(7);
    const auto pick = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    for (int round = 0; round < 300; ++round) {
        std::vector<int> slots(static_cast<std::size_t>(pick(1, 9)));
        for (int& count : slots) count = pick(1, 5);
        int total = 0;
        for (const int count : slots) total += count;
        const int ranks = pick(1, 2 * total);
        const char* map_by = std::array{"auto", "node", "slot", "numa"}[round % 4];
        const RankBy rank_by = std::array{RankBy::automatic, RankBy::slot, RankBy::host}[round % 3];
        const Placement placement =
            place_ranks(hosts_of(machine_of({.cores = 2}), slots), ranks,
                        {.map_by = parse_map_by(map_by), .rank_by = rank_by});
        CAPTURE(round);
        REQUIRE(placement.size() == ranks);
        int seen = 0;
        for (std::size_t host = 0; host < slots.size(); ++host) {
            const auto local = placement.ranks_of(static_cast<int>(host));
            const auto own = static_cast<int>(local.size());
            seen += own;
            CHECK(std::is_sorted(local.begin(), local.end()));
            for (int i = 0; i < own; ++i)
                CHECK(placement.seat(local[static_cast<std::size_t>(i)]) ==
                      Seat{static_cast<int>(host), i});
            if (ranks <= total) CHECK(own <= slots[host]);
            if (ranks >= total) CHECK(own >= slots[host]);
            const int layout = placement.layout_of_host[host];
            CHECK((layout < 0) == (own == 0));
            if (layout >= 0)
                CHECK(placement.layouts[static_cast<std::size_t>(layout)].places.size() ==
                      local.size());
        }
        CHECK(seen == ranks);
    }
}

TEST_CASE("objects: rank i goes to NUMA node i modulo their number, and shares it evenly") {
    const Machine machine = machine_of({.nodes = 4, .cores = 4});
    CHECK(placed(machine, 2, "numa") == "0-3 | 4-7");
    CHECK(placed(machine, 6, "numa") == "0-1 | 4-5 | 8-11 | 12-15 | 2-3 | 6-7");
    CHECK(placed(machine, 6, "numa", BindTo::automatic, RankBy::slot) ==
          "0-1 | 2-3 | 4-5 | 6-7 | 8-11 | 12-15");
    CHECK(placed(machine_of({.cores = 1}), 3, "numa") == "0 | 0 | 0");
}

TEST_CASE("objects: packages, caches, cores and hardware threads are dealt alike") {
    const Machine machine = machine_of({.packages = 2, .caches = 2, .cores = 2, .threads = 2});
    CHECK(placed(machine, 3, "package") == "0-1,8-9 | 4-7,12-15 | 2-3,10-11");
    CHECK(placed(machine, 3, "l3") == "0-1,8-9 | 2-3,10-11 | 4-5,12-13");
    CHECK(placed(machine, 3, "core") == "0,8 | 1,9 | 2,10");
    CHECK(placed(machine, 3, "hwthread") == "0 | 8 | 1");
    CHECK(placed(machine, 3, "hwthread", BindTo::core) == "0,8 | 0,8 | 1,9");
    CHECK(placed(machine, 2, "slot") == "0,8 | 1,9");
    CHECK(placed(machine, 2, "node") == placed(machine, 2, "auto"));
}

TEST_CASE("objects: a node without cores takes no rank") {
    Machine machine = machine_of({.nodes = 2, .cores = 2});
    machine.numa_nodes.push_back({.os_index = 9, .bytes = 1});
    CHECK(placed(machine, 3, "numa") == "0 | 2-3 | 1");
}

TEST_CASE("objects: --bind-to hwthread gives ranks of one core its threads in turn") {
    const Machine machine = machine_of({.cores = 2, .threads = 2});
    CHECK(placed(machine, 2, "auto", BindTo::hwthread) == "0 | 1");
    CHECK(placed(machine, 4, "auto", BindTo::hwthread) == "0 | 2 | 1 | 3");
    CHECK(placed(machine, 5, "auto", BindTo::hwthread) == "0 | 2 | 0 | 1 | 3");
    CHECK(placed(machine, 1, "hwthread", BindTo::numa) == "0-3");
}

TEST_CASE("objects: --bind-to l3 widens the share to its caches") {
    const Machine machine = machine_of({.caches = 2, .cores = 2});
    CHECK(placed(machine, 4, "auto", BindTo::l3) == "0-1 | 0-1 | 2-3 | 2-3");
}

TEST_CASE("ppr: as many ranks to each object, object by object, on every host") {
    const Machine machine = machine_of({.packages = 2, .cores = 4});
    CHECK(placed(machine, 4, "ppr:2:package") == "0-1 | 2-3 | 4-5 | 6-7");
    CHECK(placed(machine, 3, "ppr:3:node") == "0-2 | 3-4 | 5-7");
    const Placement placement = place_ranks(hosts_of(machine, {1, 1}), std::nullopt,
                                            {.map_by = parse_map_by("ppr:1:numa")});
    CHECK(ranks_on(placement) == "0-1 | 2-3");
}

TEST_CASE("ppr: fewer ranks take the first places, and keep what they would have had") {
    const Machine machine = machine_of({.packages = 2, .cores = 4});
    CHECK(placed(machine, 3, "ppr:2:package") == "0-1 | 2-3 | 4-5");
    const Placement placement =
        place_ranks(hosts_of(machine, {0, 0}), 5, {.map_by = parse_map_by("ppr:2:package")});
    CHECK(ranks_on(placement) == "0-3 | 4");
    CHECK(placement.place(4).cpus == std::vector<int>{0, 1});
}

TEST_CASE("ppr: more ranks than it gives are refused with both numbers") {
    const Cluster cluster = hosts_of(machine_of({.packages = 2, .cores = 4}), {0});
    CHECK(refusal(cluster, 9, "ppr:4:package") ==
          "--map-by ppr:4:package gives 8 ranks, not the 9 of -n");
    const Cluster many = hosts_of(machine_of({.cores = 8}), std::vector<int>(64, 0));
    CHECK(refusal(many, std::nullopt, "ppr:1000000:core").find("and 16777216 is the most") !=
          std::string::npos);
}

TEST_CASE("objects: hold what they promise on every machine") {
    std::mt19937 random(11);
    const auto pick = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    const std::map<std::string, int Core::*> objects{
        {"package", &Core::package}, {"numa", &Core::numa_node}, {"l3", &Core::last_level_cache}};
    for (int round = 0; round < 200; ++round) {
        const Machine machine = machine_of({.packages = pick(1, 3),
                                            .nodes = pick(1, 3),
                                            .caches = pick(1, 3),
                                            .cores = pick(1, 5),
                                            .threads = pick(1, 2)});
        const auto cores = static_cast<int>(machine.cores.size());
        const int ranks = pick(1, 2 * cores);
        for (const auto& [word, index] : objects) {
            CAPTURE(round);
            CAPTURE(word);
            const Mapping mapping{.map_by = parse_map_by(word)};
            const auto places = places_of(machine, ranks, mapping);
            CHECK(places == places_of(machine, ranks, mapping));
            const int count = machine.cores.back().*index + 1;
            std::map<int, int> users;
            std::map<int, std::set<int>> objects_of_rank;
            for (int rank = 0; rank < ranks; ++rank) {
                const Place& place = places[static_cast<std::size_t>(rank)];
                REQUIRE_FALSE(place.cpus.empty());
                for (const int cpu : place.cpus) {
                    REQUIRE(cpu < cores * 2);
                    ++users[cpu];
                    objects_of_rank[rank].insert(
                        machine.cores[static_cast<std::size_t>(cpu % cores)].*index);
                }
                CHECK(objects_of_rank[rank] == std::set<int>{rank % count});
            }
            const int in_object = cores / count;
            for (const auto& [cpu, used] : users)
                CHECK(used <= ((ranks + count - 1) / count + in_object - 1) / in_object);
        }
    }
}

TEST_CASE("clusters: equal machines are kept once, and names stand for one host each") {
    const Machine small = machine_of({.cores = 2}, "a");
    Machine named = small;
    named.host = "b";
    const Machine large = machine_of({.cores = 4}, "c");
    const Cluster cluster = cluster_of(std::vector<Machine>{small, large, named});
    CHECK(cluster.machines.size() == 2);
    CHECK(cluster.hosts[2].machine == 0);
    CHECK(cluster.hosts[1].machine == 1);
    CHECK(cluster.hosts[2].name == "b");
    CHECK(slots_of(cluster, 1) == 4);
    Machine nameless = large;
    nameless.host = "";
    const Cluster repeated =
        cluster_of(std::vector<Machine>{small, small, machine_of({}, "host0"), nameless});
    std::string names;
    for (const Host& host : repeated.hosts) names += host.name + " ";
    CHECK(names == "host0-2 host1 host0 host3 ");
}

TEST_CASE("hosts: a few ranks fit on more hosts than any job fills, all of their slots do not") {
    const Cluster cluster = hosts_of(machine_of({.cores = 2}), std::vector<int>(20, 1 << 20));
    CHECK(place_ranks(cluster, 3, {}).ranks_of(0).size() == 3);
    CHECK(refusal(cluster, std::nullopt, "slot").find("say how many there are to be (-n)") !=
          std::string::npos);
    CHECK(refusal(hosts_of(machine_of({.cores = 32}), {0}), 1, "ppr:1048576:core")
              .find("and 16777216 is the most") != std::string::npos);
}
