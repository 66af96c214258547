// SPDX-License-Identifier: Apache-2.0
// Proves what becomes of operations that were started, and of communicators that were split off,
// when somebody gives up, goes away or never comes.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/fail.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::size_t large_count = 20000;

Part floats(Rank& self, std::size_t count, float value) {
    auto* data = self.allocate<float>(count);
    std::fill_n(data, count, value);
    return {data, count, Dtype::f32};
}

}  // namespace

TEST_CASE(
    "failures: who gives up on a slot gives up all it has started, and its memory is its own") {
    std::atomic<bool> started{false};
    std::atomic<bool> given_up{false};
    run_ranks({.ranks = 2}, [&](Rank& self) {
        // What rank 1 starts cannot be gone on with before rank 0 comes.
        while (self.rank == 0 && !started.load()) std::this_thread::yield();
        std::vector<Part> parts;
        std::vector<Request> requests;
        for (int i = 0; i < Communicator::started_max; ++i)
            parts.push_back(floats(self, large_count, 1.0f));
        for (const Part& part : parts)
            requests.push_back(self.world.start(Collective::allreduce({&part, 1}, Op::sum)));
        if (self.rank == 0) {
            // Rank 1 does not go on with what it started: there is no slot for one more.
            const Part more = floats(self, large_count, 1.0f);
            try {
                (void)self.world.start(Collective::allreduce({&more, 1}, Op::sum),
                                       Deadline::after(Seconds(0.02)));
                CHECK_MESSAGE(false, "a slot was free");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
                CHECK(std::string(error.what()).ends_with("timed out waiting for rank 1"));
            }
            for (const Part& part : parts)
                std::fill_n(static_cast<float*>(part.data), large_count, -7.0f);
            given_up = true;
            while (self.memory->control().rank(1).state.load() < RankState::left)
                std::this_thread::yield();
            for (const Part& part : parts)
                for (std::size_t i = 0; i < large_count; ++i)
                    REQUIRE(static_cast<float*>(part.data)[i] == -7.0f);
            return;
        }
        started = true;
        while (!given_up.load()) std::this_thread::yield();
        int failed = 0;
        for (Request& request : requests) {
            try {
                (void)request.wait();
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
                CHECK(error.rank == 0);
                ++failed;
            }
        }
        CHECK(failed >= 1);
    });
}

TEST_CASE("failures: a forked child that drops what its parent started harms nobody") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        const Part part = floats(self, 100, 1.0f);
        auto pair = self.world.split(0);
        Request request;
        if (self.rank == 0) {
            request = pair->start(Collective::allreduce({&part, 1}, Op::sum));
            const pid_t child = ::fork();
            REQUIRE(child >= 0);
            if (child == 0) {
                pair.reset();
                ::_exit(0);
            }
            int status = 0;
            REQUIRE(::waitpid(child, &status, 0) == child);
            CHECK(status == 0);
        }
        self.world.barrier();
        if (self.rank == 1) request = pair->start(Collective::allreduce({&part, 1}, Op::sum));
        CHECK(request.wait());
        CHECK(static_cast<float*>(part.data)[99] == 2.0f);
    });
}

TEST_CASE(
    "failures: a communicator that all drop in the middle of an operation leaves a clean block") {
    // The last to go gives the block back while others may still be giving up: every round is a
    // race.
    run_ranks({.ranks = 3}, [](Rank& self) {
        for (int round = 0; round < 300; ++round) {
            auto doomed = self.world.split(0);
            Request request;
            if (self.rank != round % 3) request = doomed->start(Collective::barrier());
            doomed.reset();
            auto fresh = self.world.split(0);
            fresh->barrier();
            CHECK_FALSE(fresh->impl().node().group.recorded_failure().has_value());
            if (self.rank != round % 3) CHECK_THROWS_AS((void)request.test(), Error);
        }
    });
}

TEST_CASE("failures: a started operation whose communicator is dropped is lost for the others") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        const Part part = floats(self, large_count, 1.0f);
        auto child = self.world.split(0);
        if (self.rank == 1) {
            (void)child->start(Collective::allreduce({&part, 1}, Op::sum));
            child.reset();
        } else {
            // It can be done before rank 1 drops it; the next one cannot.
            CHECK_THROWS_AS((child->allreduce({&part, 1}, Op::sum), child->barrier()), Error);
        }
        self.world.barrier();
    });
}

TEST_CASE("failures: a rank killed between the two steps of a split is named to all") {
    for (const int ranks : {2, 3, 8})
        run_ranks({.ranks = ranks, .fault = fmt::format("in_split:{}:3", ranks - 1)},
                  [&](Rank& self) {
                      auto pair = self.world.split(self.rank == ranks - 1 ? -1 : 0);
                      try {
                          (void)self.world.split(0);
                          CHECK_MESSAGE(false, "a split without all");
                      } catch (const Error& error) {
                          CHECK(error.code == ErrorCode::peer_lost);
                          CHECK(error.rank == ranks - 1);
                      }
                      pair->barrier();
                  });
}

TEST_CASE("failures: of several communicators those go on that do not have the lost rank") {
    run_ranks({.ranks = 4, .fault = "after_arrive:3:6"}, [](Rank& self) {
        auto pair = self.world.split(self.rank / 2);
        auto trio = self.world.split(self.rank == 3 ? 1 : 0);
        try {
            for (;;) self.world.barrier();
        } catch (const Error& error) {
            CHECK(error.rank == 3);
        }
        for (int i = 0; i < 50; ++i) trio->barrier();
        if (self.rank < 2)
            pair->barrier();
        else
            CHECK_THROWS_AS(pair->barrier(), Error);
    });
}

TEST_CASE("communicator: a locality is those who have its number") {
    run_ranks({.ranks = 4}, [](Rank& self) {
        self.memory->control().rank(self.rank).place.numa =
            static_cast<std::uint32_t>(1 + self.rank / 2);
        self.world.barrier();
        Communicator numa = self.world.split(Locality::numa);
        CHECK(numa.size() == 2);
        CHECK(numa.members()[0] == self.rank / 2 * 2);
        CHECK(self.world.split(Locality::l3).size() == 4);
        CHECK(self.world.split(Locality::node).size() == 4);
    });
}
