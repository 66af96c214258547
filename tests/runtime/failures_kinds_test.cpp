// SPDX-License-Identifier: Apache-2.0
// Proves for operations of every kind what failures_test.cpp proves for some: a rank that is killed
// or stopped at any step is the same to all survivors, and costs them nothing but the operation.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>

#include "tests/support/run_ranks.hpp"
#include "tests/support/survivor.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::size_t inline_count = 8;
constexpr std::size_t large_count = 20000;

// The last rank is struck; the others have a communicator of their own.
void check_survivors(Options options, const SurvivorOptions& survivor, std::string_view code) {
    const int victim = options.ranks - 1;
    std::atomic<int> survivors{0};
    run_ranks(options, [&](Rank& self) {
        auto others = self.world.split(self.rank == victim ? -1 : 0);
        const Survival end = survive(self.world, others ? &*others : nullptr, *self.heap, survivor);
        CAPTURE(end.message);
        CHECK(end.code == code);
        if (code == "peer_lost") CHECK(end.rank == victim);
        CHECK(end.found == "clean");
        survivors.fetch_add(1);
    });
    CHECK(survivors == victim);
}

// Does a rank ever come to this step of such an operation?
bool has_step(const Form& form, std::string_view point) {
    const bool travels_inline =
        form.kind == Collective::Kind::barrier || (form.count == inline_count && !form.varying);
    if (point == "after_publish" || point == "after_arrive") return true;
    return !travels_inline;
}

void check_kills(std::size_t count, Memory memory, bool starts) {
    for (Form form : all_forms(count))
        for (const char* point : {"after_publish", "after_arrive", "after_claim", "mid_chunk",
                                  "after_done", "before_unload"})
            for (const int ranks : {2, 3, 8}) {
                form.memory = memory;
                if (!has_step(form, point)) continue;
                CAPTURE(name_of(form));
                CAPTURE(point);
                CAPTURE(ranks);
                check_survivors({.ranks = ranks,
                                 .cpus = ranks == 3 ? 2 : ranks,
                                 .fault = fmt::format("{}:{}:5", point, ranks - 1)},
                                {.form = form, .starts = starts}, "peer_lost");
            }
}

}  // namespace

TEST_CASE("failures: a rank killed at any step of a small operation of any kind harms nothing") {
    check_kills(inline_count, Memory::heap, false);
}

TEST_CASE("failures: a rank killed at any step of a large operation of any kind harms nothing") {
    check_kills(large_count, Memory::heap, false);
}

TEST_CASE("failures: a rank killed at any step of an operation on copies harms nothing") {
    check_kills(large_count, Memory::strided, false);
}

TEST_CASE("failures: a rank killed at any step of an operation on private memory harms nothing") {
    check_kills(large_count, Memory::outside, false);
}

TEST_CASE("failures: a rank killed at any step of started operations harms nothing") {
    check_kills(inline_count, Memory::heap, true);
    check_kills(large_count, Memory::heap, true);
}

namespace {

// Stops a rank where it is struck, until it is asked to end or all others are through.
struct Stop {
    std::atomic<bool> asked{false};
    std::atomic<int> through{0};
    int others;

    void strike() {
        while (!asked.load() && through.load() < others) std::this_thread::yield();
        throw Struck();
    }
};

void check_stop(const Form& form, const char* point, int ranks, bool must_ask) {
    CAPTURE(name_of(form));
    CAPTURE(point);
    CAPTURE(ranks);
    const int victim = ranks - 1;
    Stop stop{.others = victim};
    const auto begin = Clock::now();
    run_ranks({.ranks = ranks,
               .fault = fmt::format("{}:{}:5", point, victim),
               .on_strike = [&stop] { stop.strike(); },
               .ask_for_end =
                   [&](int rank) {
                       CHECK(rank == victim);
                       stop.asked = true;
                   }},
              [&](Rank& self) {
                  auto others = self.world.split(self.rank == victim ? -1 : 0);
                  const Survival end = survive(self.world, others ? &*others : nullptr, *self.heap,
                                               {.form = form, .deadline_seconds = 0.1});
                  CAPTURE(end.message);
                  CHECK(end.code == "timeout");
                  CHECK(end.found == "clean");
                  stop.through.fetch_add(1);
              });
    CHECK(stop.asked == must_ask);
    CHECK(Clock::now() - begin < std::chrono::seconds(5));
}

}  // namespace

TEST_CASE("failures: a rank that stops while it touches memory of others is asked to be ended") {
    // Half a second each.
    check_stop({Collective::Kind::allreduce, false, large_count}, "mid_chunk", 3, true);
    check_stop({Collective::Kind::allgather, true, large_count}, "mid_chunk", 3, true);
    check_stop({Collective::Kind::alltoall, false, large_count}, "after_claim", 8, true);
}

TEST_CASE("failures: a rank that stops elsewhere is left alone") {
    for (const Form& form : all_forms(large_count))
        for (const char* point : {"after_publish", "after_arrive", "before_unload"}) {
            if (!has_step(form, point)) continue;
            check_stop(form, point, 3, false);
        }
}

TEST_CASE("failures: a rank that leaves early is missed by operations of every kind") {
    for (const std::size_t count : {inline_count, large_count})
        for (const Form& form : all_forms(count))
            for (const bool starts : {false, true}) {
                CAPTURE(name_of(form));
                CAPTURE(count);
                run_ranks({.ranks = 3}, [&](Rank& self) {
                    auto others = self.world.split(self.rank == 2 ? -1 : 0);
                    if (self.rank == 2) return;
                    const Survival end =
                        survive(self.world, &*others, *self.heap, {.form = form, .starts = starts});
                    CAPTURE(end.message);
                    CHECK(end.code == "peer_lost");
                    CHECK(end.rank == 2);
                    CHECK(end.message.find("without taking part") != std::string::npos);
                    CHECK(end.found == "clean");
                });
            }
}

TEST_CASE("failures: a rank that never comes is named by whose time is up, in any operation") {
    for (const std::size_t count : {inline_count, large_count})
        for (const Form& form : all_forms(count))
            for (const bool starts : {false, true}) {
                CAPTURE(name_of(form));
                CAPTURE(count);
                std::atomic<int> through{0};
                run_ranks({.ranks = 3}, [&](Rank& self) {
                    auto others = self.world.split(self.rank == 2 ? -1 : 0);
                    while (self.rank == 2 && through.load() < 2) std::this_thread::yield();
                    if (self.rank == 2) return;
                    const Survival end =
                        survive(self.world, &*others, *self.heap,
                                {.form = form, .starts = starts, .deadline_seconds = 0.02});
                    CAPTURE(end.message);
                    CHECK(end.code == "timeout");
                    // The other survivor may be late, too.
                    if (end.rank == self.rank) {
                        CHECK(end.message.find("timed out waiting for rank") != std::string::npos);
                        CHECK(end.message.ends_with('2'));
                    }
                    CHECK(end.found == "clean");
                    through.fetch_add(1);
                });
            }
}
