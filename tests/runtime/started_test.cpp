// SPDX-License-Identifier: Apache-2.0
// Proves what operations that were started do: in any order of waiting, among blocking ones, late,
// wrong, given up. Each that could hang has a deadline.
#include "runtime/started.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "runtime/node_communicator.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const Options worlds[] = {
    {.ranks = 1}, {.ranks = 2}, {.ranks = 4}, {.ranks = 4, .cpus = 1}, {.ranks = 8, .cpus = 2}};
const auto soon = [] { return Deadline::after(Seconds(20)); };

// An allreduce of numbers that tell which one it is; of many kinds of memory and sizes.
struct Sum {
    Sum(Rank& self, int number, std::size_t count) : count_(count), number_(number) {
        ranks_ = self.world.size();
        data_ = number % 3 == 2 ? own_.emplace_back(count).data() : allocate(self, count);
        for (std::size_t i = 0; i < count; ++i)
            data_[i] = static_cast<std::int32_t>(i) * number + self.rank;
        part = {data_, count, Dtype::i32};
    }
    void start(Rank& self, Deadline deadline = soon()) {
        request = self.world.start(Collective::allreduce({&part, 1}, Op::sum), deadline);
    }
    bool is_right() const {
        for (std::size_t i = 0; i < count_; ++i)
            if (data_[i] !=
                static_cast<std::int32_t>(i) * number_ * ranks_ + ranks_ * (ranks_ - 1) / 2)
                return false;
        return true;
    }

    Part part;
    Request request;

  private:
    static std::int32_t* allocate(Rank& self, std::size_t count) {
        return self.allocate<std::int32_t>(count);
    }
    std::vector<std::vector<std::int32_t>> own_;
    std::int32_t* data_;
    std::size_t count_;
    int number_, ranks_;
};

std::vector<std::unique_ptr<Sum>> sums_of(Rank& self, std::initializer_list<std::size_t> counts) {
    std::vector<std::unique_ptr<Sum>> result;
    for (const std::size_t count : counts)
        result.push_back(std::make_unique<Sum>(self, static_cast<int>(result.size()) + 1, count));
    return result;
}

}  // namespace

TEST_CASE("started: several operations are under way and are waited for in any order") {
    for (const Options& options : worlds)
        run_ranks(options, [](Rank& self) {
            std::mt19937 random(static_cast<unsigned>(self.rank));
            for (int round = 0; round < 20; ++round) {
                auto sums = sums_of(self, {10, 5000, 60000, 1, 5000, 10, 60000, 20000});
                for (auto& sum : sums) sum->start(self);
                std::shuffle(sums.begin(), sums.end(), random);
                for (auto& sum : sums) {
                    REQUIRE(sum->request.wait());
                    REQUIRE(sum->is_right());
                }
            }
        });
}

TEST_CASE("started: asking again and again whether it is done gets it done") {
    for (const Options& options : worlds)
        run_ranks(options, [](Rank& self) {
            for (int round = 0; round < 10; ++round) {
                auto sums = sums_of(self, {10, 60000, 5000});
                for (auto& sum : sums) sum->start(self);
                while (!sums[2]->request.test()) std::this_thread::yield();
                for (auto& sum : sums) {
                    CHECK(sum->request.test());
                    CHECK(sum->is_right());
                }
            }
        });
}

TEST_CASE("started: one more than can be under way waits for the oldest") {
    for (const Options& options : worlds)
        run_ranks(options, [](Rank& self) {
            std::vector<std::unique_ptr<Sum>> sums;
            for (int i = 0; i < 5 * Communicator::started_max; ++i)
                sums.push_back(std::make_unique<Sum>(self, i, i % 2 == 0 ? 10 : 6000));
            for (auto& sum : sums) sum->start(self);
            REQUIRE(sums.back()->request.wait());
            for (auto& sum : sums) CHECK(sum->is_right());
        });
}

TEST_CASE("started: blocking operations take their turn among those under way") {
    for (const Options& options : worlds)
        run_ranks(options, [](Rank& self) {
            for (int round = 0; round < 20; ++round) {
                auto sums = sums_of(self, {10, 6000, 6000, 20000, 10, 10});
                sums[0]->start(self);
                sums[1]->start(self);
                self.world.allreduce({&sums[2]->part, 1}, Op::sum, soon());
                CHECK(sums[2]->is_right());
                sums[3]->start(self);
                self.world.barrier(soon());
                CHECK(sums[0]->is_right());
                CHECK(sums[3]->is_right());
            }
        });
}

TEST_CASE("started: what it borrows may go when it has begun, all but the memory of its parts") {
    for (const std::size_t count : {20u, 20000u})
        run_ranks({.ranks = 3}, [&](Rank& self) {
            auto* data = self.allocate<std::int32_t>(2 * count);
            std::fill_n(data, 2 * count, self.rank);
            Request request;
            {
                std::vector<std::int64_t> sizes{static_cast<std::int64_t>(count)}, strides{2};
                Part part{data, count, Dtype::i32, sizes, strides};
                if (self.rank == 2) std::this_thread::sleep_for(std::chrono::milliseconds(2));
                request = self.world.start(Collective::allreduce({&part, 1}, Op::sum), soon());
                std::fill(sizes.begin(), sizes.end(), 1);
                std::fill(strides.begin(), strides.end(), 1);
                part = {};
            }
            REQUIRE(request.wait());
            for (std::size_t i = 0; i < 2 * count; ++i)
                REQUIRE(data[i] == (i % 2 == 0 ? 3 : self.rank));
        });
}

TEST_CASE("started: of several operations only the one that ranks disagree about fails") {
    for (const Options& options : worlds) {
        if (options.ranks == 1) continue;
        run_ranks(options, [](Rank& self) {
            for (const std::size_t count : {10u, 6000u}) {
                auto sums = sums_of(self, {6000, self.rank == 1 ? count : count + 1, 6000, 10});
                for (auto& sum : sums) sum->start(self);
                REQUIRE(sums[3]->request.wait());
                REQUIRE(sums[2]->request.wait());
                REQUIRE(sums[0]->request.wait());
                for (int i = 0; i < 2; ++i) {
                    try {
                        (void)sums[1]->request.wait();
                        CHECK_MESSAGE(false, "ranks that disagree got a result");
                    } catch (const Error& error) {
                        CHECK(error.code == ErrorCode::mismatch);
                    }
                }
                for (const int i : {0, 2, 3}) CHECK(sums[i]->is_right());
            }
            self.world.barrier(soon());
        });
    }
}

TEST_CASE("started: a wait that is over in vain fails nothing") {
    std::atomic<bool> over{false};
    run_ranks({.ranks = 2}, [&](Rank& self) {
        Sum sum(self, 1, 6000);
        if (self.rank == 1)
            while (!over.load()) std::this_thread::yield();
        sum.start(self);
        if (self.rank == 0) CHECK_FALSE(sum.request.wait(Deadline::after(Seconds(0.01))));
        over = true;
        REQUIRE(sum.request.wait(soon()));
        CHECK(sum.is_right());
    });
}

TEST_CASE("started: the deadline of an operation ends it, whoever is waited for meanwhile") {
    enum class How { wait, test, block, wait_for_older };
    for (const How how : {How::wait, How::test, How::block, How::wait_for_older}) {
        CAPTURE(static_cast<int>(how));
        std::atomic<bool> over{false};
        run_ranks({.ranks = 2}, [&](Rank& self) {
            if (self.rank == 1) {
                while (!over.load()) std::this_thread::yield();
                CHECK_THROWS_AS(self.world.barrier(soon()), Error);
                return;
            }
            const auto briefly = [] { return Deadline::after(Seconds(0.02)); };
            auto sums = sums_of(self, {6000, 10});
            sums[0]->start(self, how == How::wait ? briefly() : Deadline::never());
            try {
                if (how == How::block) self.world.barrier(briefly());
                sums[1]->start(self, briefly());
                const Deadline patience = soon();
                if (how == How::test)
                    while (!sums[1]->request.test() && !patience.has_passed()) {
                    }
                else
                    (void)sums[how == How::wait_for_older ? 0 : 1]->request.wait(patience);
                CHECK_MESSAGE(false, "the deadline has passed, and no error came");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
            }
            over = true;
        });
    }
}

TEST_CASE("started: who waits to begin its ninth is told when the others are done with the first") {
    std::atomic<CommunicatorBlock*> block{nullptr};
    std::atomic<bool> arrived{false}, seen{false}, began{false};
    const Deadline patience = Deadline::after(Seconds(60));
    // Rank 1 has come to the first, before rank 0 (whom it does not wake for that while it is
    // here), and is not done with it before rank 0 sleeps.
    const auto dawdle = [&] {
        arrived = true;
        while (!seen && !patience.has_passed())
            seen = block.load() != nullptr && block.load()->slot_waiters.load() != 0 &&
                   block.load()->bell.sleepers.load() != 0;
    };
    run_ranks({.ranks = 2, .fault = "after_arrive:1:1", .on_strike = dawdle}, [&](Rank& self) {
        constexpr int count = Communicator::started_max + 1;
        if (self.rank == 0) {
            block = &self.world.impl().node().group.block();
            while (!arrived.load() && !patience.has_passed()) std::this_thread::yield();
            std::vector<Request> requests;
            for (int i = 0; i < count; ++i)
                requests.push_back(self.world.start(Collective::barrier(), soon()));
            began = true;
            REQUIRE(requests.back().wait());
            return;
        }
        self.world.barrier(soon());
        CHECK(seen);
        while (!began.load() && !patience.has_passed()) std::this_thread::yield();
        CHECK(began);
        for (int i = 1; i < count; ++i) self.world.barrier(soon());
    });
}

TEST_CASE(
    "started: those who sleep do the work of the last to come when that has older to finish") {
    std::atomic<int> done{0};
    run_ranks({.ranks = 3, .cpus = 1}, [&](Rank& self) {
        auto sums = sums_of(self, {60000, 60000});
        const Deadline patience = Deadline::after(Seconds(10));
        const auto wait_until = [&](auto condition) {
            while (!condition() && !patience.has_passed()) std::this_thread::yield();
            CHECK(condition());
        };
        sums[0]->start(self);
        if (self.rank == 0) {
            // The others are done with the first, and wait for this rank to begin the second.
            CommunicatorBlock& block = self.world.impl().node().group.block();
            wait_until([&] {
                return block.bell.sleepers.load() == 2 && block.member(1).completed.load() == 1 &&
                       block.member(2).completed.load() == 1;
            });
        }
        sums[1]->start(self);
        if (self.rank == 0) wait_until([&] { return done.load() == 2; });
        REQUIRE(sums[1]->request.wait());
        done.fetch_add(1);
        CHECK(sums[0]->is_right());
        CHECK(sums[1]->is_right());
    });
}
