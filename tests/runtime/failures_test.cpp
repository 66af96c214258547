// SPDX-License-Identifier: Apache-2.0
// Proves what the survivors see when a rank dies at any step, leaves, is late or disagrees.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/communicator.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t large_count = 100000;

void allreduce_floats(Rank& self, float* data, std::size_t count) {
    const Part part{data, count, Dtype::f32};
    self.world.allreduce({&part, 1}, Op::sum);
}

// Runs operations until one throws; returns that error.
Error first_error(Rank& self, std::size_t count, bool frees_at_once) {
    auto* data = self.allocate<float>(count);
    try {
        for (int i = 0; i < 20000; ++i) {
            for (std::size_t j = 0; j < count; ++j) data[j] = 1.0f;
            allreduce_floats(self, data, count);
        }
    } catch (const Error& error) {
        if (frees_at_once) {
            // Whoever still wrote to it now would spoil what is put there next.
            self.heap->deallocate(data);
            auto* next = self.allocate<float>(count);
            std::memset(next, 0x55, count * sizeof(float));
            const std::vector<float> written(next, next + count);
            for (int look = 0; look < 5; ++look) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                CHECK(std::memcmp(next, written.data(), count * sizeof(float)) == 0);
            }
        }
        return error;
    }
    return Error(ErrorCode::internal, "no error came");
}

}  // namespace

TEST_CASE("failures: a rank killed at any step is named to every survivor") {
    for (const char* point :
         {"after_publish", "after_arrive", "after_claim", "mid_chunk", "after_done"})
        for (const int ranks : {2, 3, 8})
            for (const int cpus : {2, 8})
                for (const bool frees_at_once : {false, true}) {
                    CAPTURE(point);
                    CAPTURE(ranks);
                    CAPTURE(cpus);
                    const int victim = ranks - 1;
                    std::atomic<int> named{0};
                    run_ranks({.ranks = ranks,
                               .cpus = cpus,
                               .fault = fmt::format("{}:{}:3", point, victim)},
                              [&](Rank& self) {
                                  const Error error = first_error(self, large_count, frees_at_once);
                                  CHECK(error.code == ErrorCode::peer_lost);
                                  CHECK(error.rank == victim);
                                  if (error.rank == victim) named.fetch_add(1);
                              });
                    CHECK(named == ranks - 1);
                }
}

TEST_CASE("failures: after a loss every further operation fails at once with the same error") {
    run_ranks({.ranks = 3, .fault = "after_arrive:1:2"}, [&](Rank& self) {
        const Error error = first_error(self, 10, false);
        CHECK(error.rank == 1);
        CHECK_THROWS_WITH_AS(self.world.barrier(), error.what(), Error);
    });
}

TEST_CASE("failures: a rank that ends cleanly is missed only by those who still need it") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        self.world.barrier();
        if (self.rank == 2) return;
        try {
            self.world.barrier();
            CHECK_MESSAGE(false, "the barrier ended without rank 2");
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(error.rank == 2);
            CHECK(std::string(error.what()).find("without taking part") != std::string::npos);
        }
    });
}

TEST_CASE("failures: an end that is noticed while it does not matter yet is not forgotten") {
    // Rank 2 may end while others are still on their way out of the barrier: every round is a race.
    for (int round = 0; round < 300; ++round)
        run_ranks({.ranks = 3}, [](Rank& self) {
            self.world.barrier();
            if (self.rank != 2) CHECK_THROWS_AS(self.world.barrier(), Error);
        });
}

TEST_CASE("failures: a deadline that passes names who is missing, and ends the wait of all") {
    std::atomic<bool> over{false};
    run_ranks({.ranks = 3}, [&](Rank& self) {
        if (self.rank == 2) {
            while (!over.load()) std::this_thread::yield();
            CHECK_THROWS_AS(self.world.barrier(), Error);
            return;
        }
        try {
            self.world.barrier(self.rank == 0 ? Deadline::after(Seconds(0.05)) : Deadline::never());
            CHECK_MESSAGE(false, "the barrier ended without rank 2");
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::timeout);
            CHECK(error.rank == 0);
            if (self.rank == 0)
                CHECK(std::string(error.what()).find("waiting for rank 2") != std::string::npos);
        }
        over = true;
    });
}

TEST_CASE("failures: all name the first cause, though the one that noticed it has failed since") {
    run_ranks_to_the_end({.ranks = 3}, [&](Rank& self) {
        if (self.rank == 2) return;
        if (self.rank == 0)
            while (self.memory->control().rank(1).state.load() != RankState::failed)
                std::this_thread::yield();
        try {
            self.world.barrier();
            CHECK_MESSAGE(false, "the barrier ended without rank 2");
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(error.rank == 2);
            if (self.rank == 1) throw;
        }
    });
}

TEST_CASE("failures: a rank that got through where another gave up does not wait for it later") {
    // Rank 1 comes just when the time of rank 0 is up: every round is a race.
    for (int round = 0; round < 50; ++round) {
        std::atomic<bool> over{false};
        run_ranks({.ranks = 2}, [&](Rank& self) {
            try {
                self.world.barrier();
                for (auto late = std::chrono::microseconds(200 + round % 7);; late += 7us) {
                    const auto come = Clock::now() + late;
                    while (self.rank == 1 && Clock::now() < come) {
                    }
                    self.world.barrier(Deadline::after(Seconds(self.rank == 1 ? 10 : 250e-6)));
                }
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
                CHECK(error.rank == 0);
            }
            // An end of rank 0 would be heard of, too.
            if (self.rank == 1) over = true;
            while (!over.load()) std::this_thread::yield();
        });
    }
}

TEST_CASE("failures: a rank that ends in good order in the middle of an operation is lost") {
    for (const char* point : {"after_arrive", "after_claim", "mid_chunk"})
        for (const int cpus : {1, 3}) {
            CAPTURE(point);
            CAPTURE(cpus);
            run_ranks({.ranks = 3,
                       .cpus = cpus,
                       .fault = fmt::format("{}:2:3", point),
                       .struck_status = 0},
                      [&](Rank& self) {
                          auto* data = self.allocate<float>(large_count);
                          // Where all others are asleep, the last to come is the one that works.
                          const auto late = std::chrono::milliseconds(self.rank == 2 ? 20 : 0);
                          try {
                              // Helpers may leave it no chunk to claim: then it ends in a later
                              // one.
                              for (int i = 0; i < 500; ++i) {
                                  std::this_thread::sleep_for(late);
                                  allreduce_floats(self, data, large_count);
                              }
                              // After its arrival others can do all of the work.
                              self.world.barrier();
                              CHECK_MESSAGE(false, "rank 2 was not missed");
                          } catch (const Error& error) {
                              CHECK(error.code == ErrorCode::peer_lost);
                              CHECK(error.rank == 2);
                          }
                      });
        }
}

TEST_CASE("failures: a rank whose heap is full fails its operation for all, and nobody waits") {
    for (const int cpus : {1, 3})
        run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
            auto* data = self.allocate<float>(large_count);
            std::vector<float> elsewhere(large_count);
            if (self.rank == 1)
                for (std::size_t bytes = 1 << 29; bytes >= 1 << 15; bytes /= 2)
                    while (self.heap->allocate(bytes) != nullptr) {
                    }
            try {
                allreduce_floats(self, self.rank == 1 ? elsewhere.data() : data, large_count);
                CHECK_MESSAGE(false, "memory was found where there is none");
            } catch (const Error& error) {
                CHECK(error.rank == 1);
                const std::string text = error.what();
                if (self.rank == 1) {
                    CHECK(error.code == ErrorCode::system);
                    CHECK(text.find("it is full") != std::string::npos);
                } else {
                    CHECK(error.code == ErrorCode::peer_lost);
                    CHECK(text.find("rank 1 could not go on") != std::string::npos);
                }
                CHECK_THROWS_WITH_AS(self.world.barrier(), error.what(), Error);
            }
        });
}

TEST_CASE("failures: who waits for a helper to let go of memory is woken by it") {
    // Rank 2 works, and then dawdles in the operation that rank 0 has finished long since. Its next
    // operation, which would wake rank 0 too, comes when rank 0 has given up. Between these two
    // the sequence numbers run over: what failed in number 0 does not matter for the last one.
    std::atomic<bool> finished{false};
    std::atomic<bool> given_up{false};
    const auto dawdle = [&finished] {
        while (!finished.load()) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    };
    run_ranks({.ranks = 3,
               .cpus = 2,
               .fault = "after_done:2:1",
               .on_strike = dawdle,
               .sequence = 0xffff'fff7},
              [&](Rank& self) {
                  self.world.barrier();
                  auto* data = self.allocate<float>(20 * large_count);
                  // The last to come works, and wakes one that helps.
                  if (self.rank == 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
                  allreduce_floats(self, data, 20 * large_count);
                  if (self.rank == 0) {
                      finished = true;
                      CHECK_THROWS_AS(self.world.barrier(Deadline::after(Seconds(0.001))), Error);
                      given_up = true;
                      return;
                  }
                  const Deadline patience = Deadline::after(Seconds(5));
                  while (!given_up.load() && !patience.has_passed()) std::this_thread::yield();
                  CHECK(given_up);
                  CHECK_THROWS_AS(self.world.barrier(), Error);
              });
}

TEST_CASE("failures: a forked child takes no part") {
    run_ranks({.ranks = 1}, [](Rank& self) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                self.world.barrier();
            } catch (const Error& error) {
                ::_exit(error.code == ErrorCode::usage ? 0 : 1);
            }
            ::_exit(2);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        self.world.barrier();
    });
}

TEST_CASE("failures: ranks that disagree all hear of it, with both places, and go on") {
    struct Call {
        std::size_t count;
        Dtype dtype;
        Op op;
        int root;  // -1: allreduce
    };
    const Call agreed{2000, Dtype::f32, Op::sum, -1};
    for (const Call other :
         {Call{2001, Dtype::f32, Op::sum, -1}, Call{2, Dtype::f32, Op::sum, -1},
          Call{2000, Dtype::i32, Op::sum, -1}, Call{2000, Dtype::f32, Op::max, -1},
          Call{2000, Dtype::f32, Op::sum, 0}, Call{2000, Dtype::f32, Op::sum, 1}})
        for (const int cpus : {2, 4})
            run_ranks({.ranks = 4, .cpus = cpus}, [&](Rank& self) {
                auto* data = self.allocate<float>(4000);
                std::memset(data, 0x11 * (self.rank + 1), 16000);
                const Call call = self.rank == 2 ? other : agreed;
                const Part part{data, call.count, call.dtype};
                const CallSite site{self.rank == 2 ? "odd.lua" : "even.lua", 10 + self.rank};
                try {
                    if (call.root < 0)
                        self.world.allreduce({&part, 1}, call.op, Deadline::never(), site);
                    else
                        self.world.broadcast({&part, 1}, call.root, Deadline::never(), site);
                    CHECK_MESSAGE(false, "ranks that disagree got a result");
                } catch (const Error& error) {
                    const std::string text = error.what();
                    CHECK(error.code == ErrorCode::mismatch);
                    CHECK(text.find("odd.lua:12") != std::string::npos);
                    CHECK(text.find("even.lua:10") != std::string::npos);
                }
                for (int i = 0; i < 16000; ++i)
                    REQUIRE(reinterpret_cast<unsigned char*>(data)[i] == 0x11 * (self.rank + 1));
                self.world.barrier();
            });
}

TEST_CASE("failures: ranks whose calls read alike are told that their values differ") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        float values[3] = {};
        const Part parts[] = {{values, 1, Dtype::f32},
                              {values + 1, self.rank == 0 ? 1u : 2u, Dtype::f32}};
        try {
            self.world.allreduce(parts, Op::sum);
            CHECK_MESSAGE(false, "ranks that disagree got a result");
        } catch (const Error& error) {
            CHECK(std::string(error.what()).find("their values differ") != std::string::npos);
        }
    });
}

TEST_CASE("faults: a text that names no fault is refused") {
    for (const char* bad : {"", "x:0:1", "after_claim:0", "after_claim:x:1", "after_claim:0:-1",
                            "after_claim:0:1:2"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(Faults(bad, 0), Error);
    }
}
