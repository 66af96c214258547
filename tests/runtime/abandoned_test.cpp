// SPDX-License-Identifier: Apache-2.0
// Proves what becomes of started operations whose communicator is dropped or given up, and that
// storms of them are right whatever comes when.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "runtime/started.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const auto soon = [] { return Deadline::after(Seconds(20)); };

}  // namespace

TEST_CASE("abandoned: who drops a communicator with operations under way is lost to the others") {
    for (const std::size_t count : {10u, 60000u})
        for (const int cpus : {1, 3}) {
            std::atomic<bool> dropped{false};
            run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
                auto* data = self.allocate<float>(count);
                const Part part{data, count, Dtype::f32};
                auto other = self.world.split(0, 0, soon());
                const Collective sum = Collective::allreduce({&part, 1}, Op::sum);
                if (self.rank == 0) {
                    Request request = other->start(sum, soon());
                    other.reset();
                    dropped = true;
                    CHECK_THROWS_AS((void)request.test(), Error);
                    return self.world.barrier(soon());
                }
                while (self.rank == 2 && !dropped.load()) std::this_thread::yield();
                try {
                    other->run(sum, soon());
                    CHECK_MESSAGE(false, "a member that gave up was not missed");
                } catch (const Error& error) {
                    CHECK(error.code == ErrorCode::peer_lost);
                    CHECK(error.rank == 0);
                }
                self.world.barrier(soon());
            });
        }
}

TEST_CASE("abandoned: the memory of a communicator is not touched by the last to let go of it") {
    run_ranks({.ranks = 3}, [&](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        if (self.rank != 0) other.reset();
        self.world.barrier(soon());
        if (self.rank == 0) {
            (void)other->start(Collective::barrier(), soon());
            other.reset();
        }
        self.world.barrier(soon());
        // The first has that memory, the second some that was never used.
        for (int round = 0; round < 3; ++round) {
            auto first = self.world.split(0, 0, soon());
            auto second = self.world.split(0, 0, soon());
            first->barrier(soon());
            second->barrier(soon());
        }
    });
}

TEST_CASE("abandoned: a forked child that ends does not give up what its parent began") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        Request request;
        if (self.rank == 0) {
            request = other->start(Collective::barrier(), soon());
            const pid_t child = ::fork();
            REQUIRE(child >= 0);
            if (child == 0) {
                other.reset();
                ::_exit(0);
            }
            REQUIRE(::waitpid(child, nullptr, 0) == child);
        }
        self.world.barrier(soon());
        if (self.rank == 1) other->barrier(soon());
        CHECK(request.wait());
    });
}

TEST_CASE("abandoned: who gives up an operation is not touched for older ones that it began") {
    // Rank 0 gives up its second before rank 2 has come to the first.
    for (const int cpus : {1, 3}) {
        std::atomic<int> over{0};
        run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
            constexpr std::size_t count = 400000;
            auto* data = self.allocate<float>(count);
            std::fill_n(data, count, 1.0f);
            const Part part{data, count, Dtype::f32};
            const Collective sum = Collective::allreduce({&part, 1}, Op::sum);
            while (self.rank == 2 && over.load() == 0) std::this_thread::yield();
            try {
                if (self.rank == 0) {
                    (void)self.world.start(sum, soon());
                    self.world.barrier(Deadline::after(Seconds(0.001)));
                } else {
                    self.world.run(sum, soon());
                }
                CHECK_MESSAGE(false, "an operation ended without one of its members");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
                CHECK(error.rank == 0);
            }
            if (self.rank == 0) std::fill_n(data, count, 5.0f);
            over.fetch_add(1);
            // An end would be heard of, too.
            while (over.load() < 3) std::this_thread::yield();
            if (self.rank == 0)
                CHECK(std::count(data, data + count, 5.0f) == std::ptrdiff_t(count));
        });
    }
}

TEST_CASE("abandoned: storms of operations of all sizes, started and blocking, are right") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    for (const Options& options :
         {Options{.ranks = 2}, Options{.ranks = 3, .sequence = 0xffff'ffc0},
          Options{.ranks = 5, .cpus = 2}, Options{.ranks = 8, .cpus = 1, .sequence = 0xffff'fff3}})
        run_ranks(options, [&](Rank& self) {
            std::mt19937 common(seed), own(seed + 1 + static_cast<unsigned>(self.rank));
            const int n = options.ranks;
            struct Pending {
                std::vector<std::int32_t> data;
                Part part;
                Request request;
                int round;
                bool fails;
            };
            std::vector<std::unique_ptr<Pending>> pending;
            const auto finish = [&](std::size_t which) {
                Pending& one = *pending[which];
                try {
                    (void)one.request.wait();
                    REQUIRE_FALSE(one.fails);
                    for (const std::int32_t value : one.data)
                        REQUIRE(value == one.round * n + n * (n - 1) / 2);
                } catch (const Error& error) {
                    REQUIRE(error.code == ErrorCode::mismatch);
                    REQUIRE(one.fails);
                }
                pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(which));
            };
            for (int round = 0; round < 100; ++round) {
                const std::size_t counts[] = {1, 100, 300, 3000, 30000};
                const std::size_t count = counts[common() % 5];
                const bool fails = common() % 10 == 0;
                const bool blocks = common() % 4 == 0;
                auto one = std::make_unique<Pending>();
                one->round = round;
                one->fails = fails;
                one->data.assign(count, round + self.rank);
                one->part = {one->data.data(), fails && self.rank == 0 ? count - 1 : count,
                             Dtype::i32};
                const Collective sum = Collective::allreduce({&one->part, 1}, Op::sum);
                if (blocks && !fails)
                    self.world.run(sum, soon());
                else
                    one->request = self.world.start(sum, soon());
                pending.push_back(std::move(one));
                if (own() % 3 == 0) finish(own() % pending.size());
                if (own() % 5 == 0 && !pending.empty()) try {
                        (void)pending.front()->request.test();
                    } catch (const Error& error) {
                        REQUIRE(error.code == ErrorCode::mismatch);
                    }
            }
            while (!pending.empty()) finish(own() % pending.size());
        });
}
