// SPDX-License-Identifier: Apache-2.0
#include "topology/link/measurement.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/topology/machines.hpp"

using namespace ipcrun::testing;
using namespace ipcrun::topology;

TEST_CASE("measurement: two cores under one L3 are one class, and one core another") {
    const Measurement measurement = pairs_to_measure(regular_machine(1, 1, 1, 2));
    CHECK(measurement.core_of_rank == std::vector<int>{0, 0, 1});
    CHECK(measurement.pairs ==
          std::vector<PairToMeasure>{{LinkClass::core, 0, 1}, {LinkClass::l3, 0, 2}});
}

TEST_CASE("measurement: a single core has nothing but itself") {
    const Measurement measurement = pairs_to_measure(regular_machine(1, 1, 1, 1));
    CHECK(measurement.core_of_rank == std::vector<int>{0, 0});
    CHECK(measurement.pairs == std::vector<PairToMeasure>{{LinkClass::core, 0, 1}});
}

TEST_CASE("measurement: every class of the machine is measured at its first and its last pair") {
    // 2 packages x 2 NUMA nodes x 2 L3s x 2 cores.
    const Machine machine = regular_machine(2, 2, 2, 2);
    const Measurement measurement = pairs_to_measure(machine);
    std::vector<std::string> pairs;
    for (const PairToMeasure& pair : measurement.pairs) {
        const auto core = [&](int rank) {
            return measurement.core_of_rank[static_cast<std::size_t>(rank)];
        };
        pairs.push_back(format_pair({pair.link_class, std::min(core(pair.a), core(pair.b)),
                                     std::max(core(pair.a), core(pair.b))}));
        CHECK(pair.a < pair.b);
    }
    CHECK(pairs == std::vector<std::string>{"core:0-0", "l3:0-1", "l3:14-15", "numa:0-2",
                                            "numa:13-15", "package:0-4", "package:11-15",
                                            "machine:0-8", "machine:7-15"});
}

TEST_CASE("measurement: ranks are bound to their cores") {
    Machine machine = regular_machine(1, 1, 1, 2);
    machine.cores[1].cpus = {1, 3};
    const std::vector<RankLine> lines = rankfile_of(pairs_to_measure(machine), machine);
    CHECK(lines == std::vector<RankLine>{{0, "+n0", {0}}, {1, "+n0", {0}}, {2, "+n0", {1, 3}}});
}

TEST_CASE("measurement: a pair is written and read back, and nothing else is read") {
    const PairToMeasure pair{LinkClass::numa, 3, 17};
    CHECK(format_pair(pair) == "numa:3-17");
    CHECK(parse_pair("numa:3-17") == pair);
    for (const char* text : {"", "numa", "numa:", "numa:3", "numa:3-3", "numa:17-3", "numa:3-17-18",
                             "far:3-17", "numa:-1-3", "numa:3-x", ":3-17"})
        CHECK(!parse_pair(text));
}
