// SPDX-License-Identifier: Apache-2.0
#include "topology/link/link.hpp"

#include <doctest/doctest.h>

using namespace ipcrun::topology;

TEST_CASE("link: every class has a name that is read back") {
    for (int link = 0; link < link_classes; ++link) {
        const auto link_class = static_cast<LinkClass>(link);
        CHECK(parse_link_class(name_of(link_class)) == link_class);
    }
    CHECK(name_of(LinkClass::pcie_switch) == "pcie-switch");
    CHECK(!parse_link_class("pcie_switch"));
    CHECK(!parse_link_class(""));
}

TEST_CASE("link: assumed costs are positive for every class") {
    const CostTable table = default_costs();
    for (const LinkCost& cost : table.links) {
        CHECK(cost.latency_us > 0);
        CHECK(cost.gap_us > 0);
        CHECK(cost.us_per_byte > 0);
    }
    CHECK(table.reduce_us_per_byte > 0);
}

TEST_CASE("link: over TCP messages between hosts start more slowly, and nothing else changes") {
    CostTable table = over_tcp(default_costs());
    for (const LinkClass link : {LinkClass::network_switch, LinkClass::network}) {
        const LinkCost before = default_costs().of(link);
        CHECK(table.of(link).latency_us > before.latency_us);
        CHECK(table.of(link).gap_us > before.gap_us);
        CHECK(table.of(link).us_per_byte == before.us_per_byte);
        table.of(link) = before;
    }
    CHECK(table == default_costs());
}

TEST_CASE("link: assumed latencies grow from the L2 to the other package") {
    const CostTable table = default_costs();
    for (int link = static_cast<int>(LinkClass::l2); link < static_cast<int>(LinkClass::machine);
         ++link)
        CHECK(table.links[static_cast<std::size_t>(link)].latency_us <
              table.links[static_cast<std::size_t>(link) + 1].latency_us);
}

TEST_CASE("link: a bandwidth is the inverse of the time of a byte") {
    CHECK(LinkCost{0, 0, 1e-4}.gbytes_per_s() == doctest::Approx(10));
    CHECK(LinkCost{}.gbytes_per_s() == 0);
}
