// SPDX-License-Identifier: Apache-2.0
// Proves that a thread's CPUs are read and set, and what masks of them look like.
#include "base/affinity.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "base/bit_mask.hpp"

using namespace ipcrun;

TEST_CASE("affinity: a thread runs on the CPUs that it was given") {
    const std::vector<int> before = read_affinity();
    REQUIRE_FALSE(before.empty());
    bool is_set = false;
    std::vector<int> after;
    std::thread([&] {
        is_set = try_affinity({before.back()});
        after = read_affinity();
    }).join();
    CHECK(is_set);
    CHECK(after == std::vector{before.back()});
    CHECK(read_affinity() == before);
}

TEST_CASE("affinity: CPUs that are not there are left out, and none at all is refused") {
    const std::vector<int> own = read_affinity();
    bool is_set = false, is_refused = false;
    std::thread([&] {
        is_set = try_affinity({own.front(), 5000});
        is_refused = !try_affinity({5000}) && !try_affinity({});
        is_set = is_set && read_affinity() == std::vector{own.front()};
    }).join();
    CHECK(is_set);
    CHECK(is_refused);
}

TEST_CASE("bit masks: hold each number, and are as long as the largest wants") {
    const std::vector<int> numbers = {0, 63, 64, 1023, 1024, 5000};
    CHECK(numbers_in(mask_of(numbers)) == numbers);
    CHECK(mask_of({64}).size() == 2);
    CHECK(mask_of({}).empty());
    CHECK(numbers_in({}).empty());
}
