// SPDX-License-Identifier: Apache-2.0
// Proves how large the memory of a pair is, and that thousands of pairs fit.
#include "runtime/wire/pair_shape.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

TEST_CASE("pair shape: an arena has all of the memory, and many fit into the address space") {
    constexpr std::uint64_t gib = 1ull << 30;
    CHECK(pair_arena_bytes(24 * gib, 1) == 32 * gib);
    CHECK(pair_arena_bytes(1, 1) == gib);
    CHECK(pair_arena_bytes(2'000 * gib, 64) == 256 * gib);
    CHECK(pair_arena_bytes(2'000 * gib, 65) == 128 * gib);
    CHECK(pair_arena_bytes(24 * gib, 1'000'000) == gib);
    std::uint64_t all = 0;
    for (int pairs = 1; pairs <= 2'048; ++pairs) all += 2 * pair_arena_bytes(2'000 * gib, pairs);
    CHECK(all < 1ull << 47);
}

TEST_CASE("pair shape: nobody is told to spin when there are more processes than CPUs") {
    CHECK(pair_usable_cpus(8, 2) == 8);
    CHECK(pair_usable_cpus(2, 2) == 2);
    CHECK(pair_usable_cpus(2, 3) == 1);
}
