// SPDX-License-Identifier: Apache-2.0
// Proves what operations compute and that their results do not depend on who works, waits or is
// slow. Ranks are threads: the same code as between processes, and ThreadSanitizer sees it.
#include "runtime/communicator.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <random>
#include <set>

#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// Awkward numbers, so that another order of summation shows in the last bits.
float value_of(int rank, std::size_t i) {
    return std::ldexp(static_cast<float>((i * 7919 + rank * 104729) % 20011) - 10005.0f,
                      static_cast<int>((i + rank) % 30) - 15);
}

// The bits of an allreduce of `count` floats over `ranks`, which must be equal on all of them.
std::vector<float> allreduced(Options options, std::size_t count, bool in_heap,
                              bool with_slow_ranks) {
    std::vector<float> first;
    std::mutex mutex;
    run_ranks(options, [&](Rank& self) {
        std::vector<float> own(in_heap ? 0 : count);
        float* data = in_heap ? self.allocate<float>(count) : own.data();
        for (std::size_t i = 0; i < count; ++i) data[i] = value_of(self.rank, i);
        if (with_slow_ranks && self.rank % 3 == 1)
            std::this_thread::sleep_for(std::chrono::milliseconds(3 * self.rank));
        const Part part{data, count, Dtype::f32};
        self.world.allreduce({&part, 1}, Op::sum);
        const std::lock_guard lock(mutex);
        if (first.empty()) first.assign(data, data + count);
        CHECK(std::memcmp(first.data(), data, count * sizeof(float)) == 0);
    });
    return first;
}

}  // namespace

TEST_CASE("communicator: nobody leaves a barrier before all have come") {
    for (const Options& options : {Options{.ranks = 4}, Options{.ranks = 8, .cpus = 2}}) {
        std::atomic<int> arrived{0};
        run_ranks(options, [&](Rank& self) {
            for (int round = 1; round <= 200; ++round) {
                arrived.fetch_add(1);
                self.world.barrier();
                REQUIRE(arrived.load() >= round * options.ranks);
                self.world.barrier();
            }
        });
    }
}

TEST_CASE(
    "communicator: allreduce gives the same bits for bound, crowded, slow and private ranks") {
    for (const int ranks : {1, 2, 3, 5, 8, 13, 17})
        for (const std::size_t count : {1u, 100u, 1024u, 5000u, 100001u}) {
            CAPTURE(ranks);
            CAPTURE(count);
            const auto expected = allreduced({.ranks = ranks}, count, true, false);
            CHECK(allreduced({.ranks = ranks, .cpus = 2}, count, true, false) == expected);
            CHECK(allreduced({.ranks = ranks, .cpus = 1}, count, true, true) == expected);
            CHECK(allreduced({.ranks = ranks, .cpus = 2}, count, false, true) == expected);
        }
}

TEST_CASE("communicator: many operations of mixed sizes follow each other without mixing up") {
    for (const Options& options : {Options{.ranks = 3}, Options{.ranks = 6, .cpus = 2}})
        run_ranks(options, [&](Rank& self) {
            constexpr std::size_t most = 40000;
            auto* data = self.allocate<std::int32_t>(most);
            for (int round = 1; round <= 150; ++round) {
                const std::size_t count = static_cast<std::size_t>(round) * 7919 % most + 1;
                for (std::size_t i = 0; i < count; ++i)
                    data[i] = static_cast<int>(i) * round + self.rank;
                const Part part{data, count, Dtype::i32};
                self.world.allreduce({&part, 1}, Op::sum);
                const int n = options.ranks;
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < count; ++i)
                    wrong += data[i] != static_cast<int>(i) * round * n + n * (n - 1) / 2;
                REQUIRE(wrong == 0);
            }
        });
}

TEST_CASE("communicator: many parts of different dtypes are one operation") {
    for (const std::size_t scale : {1u, 3000u})
        run_ranks({.ranks = 4, .cpus = 2}, [&](Rank& self) {
            auto* floats = self.allocate<float>(10 * scale);
            auto* bytes = self.allocate<std::uint8_t>(3 * scale);
            double number = self.rank;  // private memory among shared
            for (std::size_t i = 0; i < 10 * scale; ++i) floats[i] = static_cast<float>(i);
            for (std::size_t i = 0; i < 3 * scale; ++i) bytes[i] = static_cast<std::uint8_t>(i);
            const Part parts[] = {{floats, 10 * scale, Dtype::f32},
                                  {bytes, 3 * scale, Dtype::u8},
                                  {&number, 1, Dtype::f64},
                                  {nullptr, 0, Dtype::f32}};
            self.world.allreduce(parts, Op::sum);
            for (std::size_t i = 0; i < 10 * scale; ++i)
                REQUIRE(floats[i] == 4.0f * static_cast<float>(i));
            for (std::size_t i = 0; i < 3 * scale; ++i)
                REQUIRE(bytes[i] == static_cast<std::uint8_t>(4 * i));
            CHECK(number == 6);
        });
}

TEST_CASE("communicator: more parts than a payload can name go through a list") {
    run_ranks({.ranks = 3}, [&](Rank& self) {
        std::vector<Part> parts;
        for (int i = 0; i < 1000; ++i) {
            auto* data = self.allocate<float>(64);
            for (int j = 0; j < 64; ++j) data[j] = static_cast<float>(i + self.rank);
            parts.push_back({data, 64, Dtype::f32});
        }
        self.world.allreduce(parts, Op::max);
        for (int i = 0; i < 1000; ++i)
            REQUIRE(static_cast<float*>(parts[i].data)[63] == static_cast<float>(i + 2));
    });
}

TEST_CASE("communicator: memory that is given twice is read before any of it is written") {
    for (const std::size_t count : {20u, 100000u}) {
        CAPTURE(count);
        run_ranks({.ranks = 4}, [&](Rank& self) {
            auto* data = self.allocate<float>(count);
            std::vector<float> expected(count);
            for (std::size_t i = 0; i < count; ++i) {
                data[i] = static_cast<float>(i % 1000 + self.rank);
                expected[i] = static_cast<float>(4 * (i % 1000) + 6);
            }
            const Part whole{data, count, Dtype::f32};
            const Part end{data + count / 2, count / 2, Dtype::f32};
            const Part parts[] = {whole, end, whole};
            self.world.allreduce(parts, Op::sum);
            CHECK(std::equal(expected.begin(), expected.end(), data));
        });
    }
}

TEST_CASE("communicator: sequence numbers run over without harm") {
    for (const int cpus : {1, 3})
        run_ranks({.ranks = 3, .cpus = cpus, .sequence = 0xffff'fff0}, [](Rank& self) {
            auto* data = self.allocate<std::int32_t>(50000);
            for (int i = 0; i < 12; ++i) {
                const std::size_t count = i % 3 == 0 ? 10 : 50000;
                std::fill(data, data + count, i + self.rank);
                const Part part{data, count, Dtype::i32};
                self.world.allreduce({&part, 1}, Op::sum);
                CHECK(std::count(data, data + count, 3 * i + 3) == std::ptrdiff_t(count));
            }
        });
}

TEST_CASE("communicator: memory that is not aligned for its elements is worked on as well") {
    for (const std::size_t count : {100, 100000})
        run_ranks({.ranks = 2}, [&](Rank& self) {
            std::byte* data = self.allocate<std::byte>(count * sizeof(float) + 3) + 3;
            for (std::size_t i = 0; i < count; ++i) {
                const auto value = static_cast<float>(i % 1000 + self.rank);
                std::memcpy(data + i * sizeof value, &value, sizeof value);
            }
            const Part part{data, count, Dtype::f32};
            self.world.allreduce({&part, 1}, Op::sum);
            bool all_equal = true;
            for (std::size_t i = 0; i < count; ++i) {
                float value = 0;
                std::memcpy(&value, data + i * sizeof value, sizeof value);
                all_equal = all_equal && value == static_cast<float>(2 * (i % 1000) + 1);
            }
            CHECK(all_equal);
        });
}

TEST_CASE("communicator: broadcast copies the root's memory to all") {
    for (const std::size_t count : {1u, 1000u, 200000u})
        for (const int root : {0, 3}) {
            CAPTURE(count);
            CAPTURE(root);
            run_ranks({.ranks = 5, .cpus = 2}, [&](Rank& self) {
                std::vector<float> own(count, -1.0f);
                float* data = self.rank == 2 ? own.data() : self.allocate<float>(count);
                if (self.rank == root)
                    for (std::size_t i = 0; i < count; ++i) data[i] = value_of(9, i);
                const Part part{data, count, Dtype::f32};
                self.world.broadcast({&part, 1}, root);
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < count; ++i) wrong += data[i] != value_of(9, i);
                CHECK(wrong == 0);
            });
        }
}

TEST_CASE("communicator: a root that does not exist is refused before anything happens") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        CHECK_THROWS_AS(self.world.broadcast({}, 2), Error);
        CHECK_THROWS_AS(self.world.broadcast({}, -1), Error);
        self.world.barrier();
    });
}

TEST_CASE("communicator: a rank that waits answers when a report is asked for") {
    std::atomic<int> reports{0};
    run_ranks({.ranks = 2}, [&](Rank& self) {
        if (self.rank == 0)
            self.world.impl().node().group.waiter().on_report([&] { reports.fetch_add(1); });
        self.world.barrier();
        if (self.rank == 0) return self.world.barrier();
        // Rank 0 waits for us, or soon will: its next look finds the request either way.
        self.memory->control().header().reports.fetch_add(1);
        self.memory->control().raise_alert();
        while (reports.load() == 0) std::this_thread::yield();
        self.world.barrier();
    });
    CHECK(reports.load() == 1);
}

TEST_CASE("communicator: one that was split off answers with its parent's report, once for both") {
    std::atomic<int> reports{0};
    run_ranks({.ranks = 2}, [&](Rank& self) {
        if (self.rank == 0)
            self.world.impl().node().group.waiter().on_report([&] { reports.fetch_add(1); });
        auto child = self.world.split(0);
        const auto ask = [&](int expected) {
            self.memory->control().header().reports.fetch_add(1);
            self.memory->control().raise_alert();
            while (reports.load() < expected) std::this_thread::yield();
        };
        if (self.rank == 1) ask(1);
        child->barrier();
        int value = 0;
        const Part part{&value, 1, Dtype::i32};
        if (self.rank == 0) {
            child->receive({&part, 1}, 1);  // those who wait for messages answer, too
        } else {
            ask(2);
            child->send({&part, 1}, 0);
        }
        self.world.barrier();
    });
    CHECK(reports.load() == 2);
}
