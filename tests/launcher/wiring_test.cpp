// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/wiring.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

TEST_CASE("wiring: a rank that ends before the table is there is marked in it") {
    Wiring wiring("127.0.0.1", 1);
    wiring.mark_ended(1, 0);
    wiring.mark_ended(7, 0);  // of no job
    wiring.complete({.hosts = {"a", "b"}, .seats = {{0, 0, "a:1", 0}, {1, 0, "b:1", 1}}});
    const JobTable table(wiring.give(0).table_fd);
    CHECK(table.state_of(0) == RankState::absent);
    CHECK(table.state_of(1) == RankState::exited);
}
