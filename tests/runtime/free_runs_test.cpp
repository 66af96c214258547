// SPDX-License-Identifier: Apache-2.0
// Proves the books of free memory: fitting, merging, idleness. No memory is touched.
#include "runtime/free_runs.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace ipcrun;

namespace {
const Clock::time_point start{};
const auto later = start + std::chrono::seconds(5);
}  // namespace

TEST_CASE("free runs: untouched units are given out in order, until there are no more") {
    FreeRuns runs(10);
    CHECK(runs.take(4) == 0);
    CHECK(runs.take(6) == 4);
    CHECK_FALSE(runs.take(1));
}

TEST_CASE("free runs: the smallest run that fits is used before untouched units") {
    FreeRuns runs(100);
    for (int i = 0; i < 6; ++i) (void)runs.take(5);
    runs.give_back(0, 5, start);
    runs.give_back(10, 3, start);
    CHECK(runs.take(2) == 10);
    CHECK(runs.take(5) == 0);
    CHECK(runs.take(5) == 30);
}

TEST_CASE("free runs: neighbours merge on both sides") {
    FreeRuns runs(30);
    for (int i = 0; i < 3; ++i) (void)runs.take(10);
    runs.give_back(0, 10, start);
    runs.give_back(20, 10, start);
    runs.give_back(10, 10, start);
    CHECK(runs.take(30) == 0);
}

TEST_CASE("free runs: memory idle since before the limit expires once") {
    FreeRuns runs(30);
    for (int i = 0; i < 3; ++i) (void)runs.take(10);
    runs.give_back(0, 10, start);
    runs.give_back(20, 10, later);
    CHECK(runs.held() == 20);
    const auto expired = runs.expire(later);
    REQUIRE(expired.size() == 1);
    CHECK(expired[0].first == 0);
    CHECK(expired[0].second == 10);
    CHECK(runs.held() == 10);
    CHECK(runs.expire(later).empty());
}

TEST_CASE("free runs: no unit is ever given out twice, whatever the order") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    FreeRuns runs(2000);
    std::map<std::uint64_t, std::uint64_t> taken;
    for (int step = 0; step < 20000; ++step) {
        if (taken.empty() || random() % 5 < 3) {
            const std::uint64_t count = 1 + random() % 40;
            const auto first = runs.take(count);
            if (!first) continue;
            const auto next = taken.lower_bound(*first);
            REQUIRE((next == taken.end() || *first + count <= next->first));
            if (next != taken.begin()) {
                const auto previous = std::prev(next);
                REQUIRE(previous->first + previous->second <= *first);
            }
            taken.emplace(*first, count);
        } else {
            auto victim = taken.begin();
            std::advance(victim, random() % taken.size());
            runs.give_back(victim->first, victim->second, start);
            taken.erase(victim);
        }
        if (step % 1000 == 0) (void)runs.expire(later);
    }
}
