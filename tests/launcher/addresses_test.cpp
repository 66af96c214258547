// SPDX-License-Identifier: Apache-2.0
// Proves by which addresses hosts are reached.
#include "launcher/hosts/addresses.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace ipcrun;

TEST_CASE("addresses: what sshd says tells both ends of the way between two hosts") {
    const Route route = route_of("10.0.0.1 4711 10.0.0.2 22");
    CHECK(route.own == "10.0.0.2");
    CHECK(route.launcher == "10.0.0.1");
    CHECK(route_of("fd00::1 4711 fd00::2 22").own == "fd00::2");
    CHECK(route_of("::ffff:10.0.0.1 4711 ::ffff:10.0.0.2 22").launcher == "10.0.0.1");
}

TEST_CASE("addresses: those that mean something on one link only are none") {
    CHECK(route_of("fe80::1%eth0 4711 fe80::2%eth0 22").own.empty());
    CHECK(route_of("fe80::1 4711 fe80::2 22").launcher.empty());
}

TEST_CASE("addresses: what is no answer of sshd tells nothing") {
    for (const char* text : {"", "10.0.0.1", "10.0.0.1 4711 10.0.0.2", "a b c d e"})
        CHECK(route_of(text).own.empty());
}

TEST_CASE("addresses: the launcher's host is reached where the others see ssh come from") {
    const std::vector<Route> routes{{}, {}, {"10.0.0.3", "10.0.0.1"}, {"10.1.0.4", "10.1.0.1"}};
    const auto chosen = choose_addresses(routes, 0, "");
    CHECK(chosen[0].address == "10.0.0.1");
    CHECK(chosen[0].reason == "the address that the other hosts see ssh come from");
    CHECK(chosen[1].address.empty());
    CHECK(chosen[2].address == "10.0.0.3");
    CHECK(choose_addresses(routes, -1, "")[0].address.empty());
}

TEST_CASE("addresses: an interface that was named goes before the route") {
    const auto chosen = choose_addresses({{"10.9.0.1", ""}, {"10.9.0.2", ""}}, 0, "ib0");
    CHECK(chosen[0].address == "10.9.0.1");
    CHECK(chosen[1].reason == "the interface ib0");
}

TEST_CASE("addresses: a network interface has the address of this host there") {
    CHECK(address_of_interface("lo") == "127.0.0.1");
    try {
        (void)address_of_interface("nosuch0");
        FAIL("an interface that there is not");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        CHECK(std::string(error.what()).find("there are: lo") != std::string::npos);
    }
}
