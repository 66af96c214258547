// SPDX-License-Identifier: Apache-2.0
// Proves what share of the machine, and which environment, a child is given.
#include "launcher/family_plan.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

TEST_CASE("family plan: an arena has all of the memory, and many fit into the address space") {
    constexpr std::uint64_t gib = 1ull << 30;
    CHECK(pair_arena_bytes(24 * gib, 1) == 32 * gib);
    CHECK(pair_arena_bytes(1, 1) == gib);
    CHECK(pair_arena_bytes(2'000 * gib, 64) == 256 * gib);
    CHECK(pair_arena_bytes(2'000 * gib, 65) == 128 * gib);
    CHECK(pair_arena_bytes(24 * gib, 1'000'000) == gib);
    std::uint64_t all = 0;
    for (int children = 1; children <= 2'048; ++children)
        all += 2 * pair_arena_bytes(2'000 * gib, children);
    CHECK(all < 1ull << 47);
}

TEST_CASE("family plan: nobody is told to spin when there are more processes than CPUs") {
    CHECK(pair_usable_cpus(8, 2) == 8);
    CHECK(pair_usable_cpus(2, 2) == 2);
    CHECK(pair_usable_cpus(2, 3) == 1);
}

TEST_CASE("family plan: a place in a job or a family is its owner's alone") {
    CHECK(without_place({"A=1", "IPCRUN_RANK=0", "IPCRUN_SIZE=4", "IPCRUN_NODE=0",
                         "IPCRUN_LOCAL_RANK=0", "IPCRUN_LOCAL_SIZE=4", "IPCRUN_CONTROL_FD=3",
                         "IPCRUN_PARENT_FD=3", "IPCRUN_LUA=x", "IPCRUN_RANKS=y"}) ==
          std::vector<std::string>{"A=1", "IPCRUN_LUA=x", "IPCRUN_RANKS=y"});
}

TEST_CASE("family plan: what is set anew replaces what is inherited, never the socket") {
    CHECK(child_environment({"A=1", "B=2", "BB=3"}, {"B=new", "IPCRUN_PARENT_FD=7"}, 3) ==
          std::vector<std::string>{"A=1", "BB=3", "B=new", "IPCRUN_PARENT_FD=3"});
}
