// SPDX-License-Identifier: Apache-2.0
// Proves how free ranges of a shared queue's memory are kept.
#include "runtime/queue_runs.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace ipcrun;

namespace {

constexpr std::uint64_t data_bytes = 1 << 20;

struct Data {
    QueueMemory memory{QueueMemory::create(0, data_bytes)};
    QueueRuns runs{memory};
};

}  // namespace

TEST_CASE("queue runs: warm ranges are used before cold ones, and those before fresh ones") {
    Data data;
    CHECK(data.runs.take(1024) == 0);
    CHECK(data.runs.take(1024) == 1024);
    CHECK(data.runs.take(1024) == 2048);
    CHECK(data.runs.take(64) == 3072);
    data.runs.give_back({0, 1024}, false);
    data.runs.give_back({2048, 1024}, true);
    CHECK(data.memory.header().warm_bytes == 1024);
    CHECK(data.runs.take(512) == 2048);
    CHECK(data.runs.take(1024) == 0);
    CHECK(data.runs.take(1024) == 3136);
    CHECK(data.runs.take(512) == 2560);
    CHECK(data.memory.header().runs == 0);
}

TEST_CASE("queue runs: neighbours of one temperature are one, and cold ones at the end none") {
    Data data;
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(data.runs.take(64) == i * 64);
    data.runs.give_back({0, 64}, true);
    data.runs.give_back({128, 64}, true);
    data.runs.give_back({64, 64}, true);
    CHECK(data.memory.header().runs == 1);
    CHECK(data.memory.header().run[0].bytes == 192);
    data.runs.give_back({192, 64}, false);
    CHECK(data.memory.header().data_top == 192);
    const auto warm = data.runs.take_warm(128);
    REQUIRE(warm);
    CHECK(warm->bytes == 128);
    CHECK(data.memory.header().warm_bytes == 64);
}

TEST_CASE("queue runs: what does not fit is refused, and all can be used again") {
    Data data;
    CHECK(data.runs.take(data_bytes) == 0);
    CHECK_FALSE(data.runs.take(64));
    data.runs.give_back({0, data_bytes}, true);
    CHECK(data.runs.take(data_bytes) == 0);
}

TEST_CASE("queue runs: taken ranges never overlap, and what fell out is found by making anew") {
    Data data;
    std::minstd_rand random(7);
    std::map<std::uint64_t, std::uint64_t> taken;
    const auto all_used = [&] {
        std::vector<QueueRuns::Room> used;
        for (const auto& [offset, bytes] : taken) used.push_back({offset, bytes});
        return used;
    };
    for (int step = 0; step < 50'000; ++step) {
        if (random() % 100 < 52) {
            const std::uint64_t bytes = QueueRuns::room_for(1 + random() % 300);
            const auto offset = data.runs.take(bytes);
            if (!offset) {
                data.runs.make_anew(all_used());
                continue;
            }
            const auto next = taken.lower_bound(*offset);
            REQUIRE((next == taken.end() || next->first >= *offset + bytes));
            if (next != taken.begin())
                REQUIRE(std::prev(next)->first + std::prev(next)->second <= *offset);
            taken.emplace(*offset, bytes);
        } else if (!taken.empty()) {
            auto one = taken.lower_bound(random() % data_bytes);
            if (one == taken.end()) one = taken.begin();
            data.runs.give_back({one->first, one->second}, random() % 3 != 0);
            taken.erase(one);
        }
        REQUIRE(data.memory.header().runs <= queue_runs_max);
    }
    taken.clear();
    data.runs.make_anew({});
    CHECK(data.memory.header().runs == 1);
    CHECK(data.memory.header().dropped_bytes == 0);
}
