// SPDX-License-Identifier: Apache-2.0
// Proves what the members of a communicator see when one of them closes it in good order: whoever
// needs it is told, whoever does not goes on, and what it lent is its own again.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <thread>

#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const auto soon = [] { return Deadline::after(Seconds(20)); };

bool says(const Error& error, std::string_view text) {
    return std::string_view(error.what()).find(text) != std::string_view::npos;
}

// The call must find that rank 1 has closed the communicator.
template <typename Call>
void check_lost(Call call) {
    try {
        call();
        CHECK_MESSAGE(false, "a member that closed the communicator was not missed");
    } catch (const Error& error) {
        CAPTURE(error.what());
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(error.rank == 1);
        CHECK(says(error, "rank 1 has closed this communicator"));
    }
}

void await_sleeper(const Bell& bell) {
    while (bell.sleepers.load() == 0) std::this_thread::yield();
}

}  // namespace

TEST_CASE("closed: who waits for a member that closes the communicator is told") {
    for (const int cpus : {1, 3})
        for (const std::size_t count : {10u, 60000u})
            run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
                auto* data = self.allocate<float>(count);
                std::fill_n(data, count, 1.0f);
                const Part part{data, count, Dtype::f32};
                auto other = self.world.split(0, 0, soon());
                other->allreduce({&part, 1}, Op::sum, soon());
                if (self.rank == 1) {
                    await_sleeper(other->impl().node().group.block().bell);
                    other.reset();
                } else {
                    check_lost([&] { other->allreduce({&part, 1}, Op::sum, soon()); });
                    check_lost([&] { other->barrier(soon()); });
                }
                self.world.barrier(soon());
            });
}

TEST_CASE("closed: who comes later, starts, or only tests is told, too") {
    for (const bool starts : {false, true})
        run_ranks({.ranks = 3}, [&](Rank& self) {
            auto other = self.world.split(0, 0, soon());
            if (self.rank == 1) other.reset();
            self.world.barrier(soon());
            if (self.rank != 1 && !starts) check_lost([&] { other->barrier(soon()); });
            if (self.rank != 1 && starts)
                check_lost([&] {
                    Request request = other->start(Collective::barrier());
                    const Deadline deadline = soon();
                    while (!request.test() && !deadline.has_passed()) std::this_thread::yield();
                });
            self.world.barrier(soon());
        });
}

TEST_CASE("closed: what a member has finished its part of goes on without it, what follows fails") {
    for (const int cpus : {1, 3}) {
        std::atomic<bool> closed{false};
        run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
            constexpr std::size_t count = 60000;
            auto* data = self.allocate<float>(count);
            std::fill_n(data, count, 1.0f);
            const Part part{data, count, Dtype::f32};
            auto other = self.world.split(0, 0, soon());
            const Collective sum = Collective::allreduce({&part, 1}, Op::sum);
            Request first = other->start(sum);
            if (self.rank == 1) {
                CHECK(first.wait(soon()));
                other.reset();
                closed = true;
            } else {
                Request second = other->start(Collective::barrier());
                while (self.rank == 0 && !closed.load()) (void)first.test();
                CHECK(first.wait(soon()));
                CHECK(data[count - 1] == 3.0f);
                check_lost([&] { (void)second.wait(soon()); });
            }
            self.world.barrier(soon());
        });
    }
}

TEST_CASE("closed: an operation is a request, whatever has become of older ones") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        Request first, second;
        if (self.rank == 0) first = other->start(Collective::barrier());
        self.world.barrier(soon());
        if (self.rank == 1) other.reset();
        self.world.barrier(soon());
        if (self.rank == 0) {
            CHECK_NOTHROW(second = other->start(Collective::barrier()));
            check_lost([&] { (void)second.wait(soon()); });
            check_lost([&] { (void)first.wait(soon()); });
            check_lost([&] { (void)other->start(Collective::barrier()); });
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("closed: what a member sent is received, then it is missed; the others go on") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        int value = 10 + self.rank;
        const Part part{&value, 1, Dtype::i32};
        if (self.rank == 1) {
            other->send({&part, 1}, 0, 0, soon());
            await_sleeper(other->impl().node().group.member(0).mail);
            other->send({&part, 1}, 0, 1, soon());
            await_sleeper(other->impl().node().group.member(0).mail);
            other.reset();
        } else if (self.rank == 0) {
            other->receive({&part, 1}, 1, 1, soon());
            other->receive({&part, 1}, 1, 0, soon());
            CHECK(value == 11);
            check_lost([&] { other->receive({&part, 1}, 1, 0, soon()); });
            check_lost([&] { other->send({&part, 1}, 1, 0, soon()); });
            other->send({&part, 1}, 2, 0, soon());
        } else {
            other->receive({&part, 1}, 0, 0, soon());
            CHECK(value == 11);
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("closed: a sender whose receiver closes the communicator need not wait for it") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        constexpr std::size_t count = 100000;
        const Part part{self.allocate<std::uint8_t>(count), count, Dtype::u8};
        if (self.rank == 1) {
            await_sleeper(other->impl().node().group.member(0).mail);
            other.reset();
        } else {
            other->set_lag(10);
            Request started = other->start_send({&part, 1}, 1);
            check_lost([&] { other->send({&part, 1}, 1, 0, soon()); });
            check_lost([&] { (void)started.wait(soon()); });
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("closed: memory that a receiver is copying from is not let go of") {
    std::atomic<bool> offered{false}, copying{false}, dropped{false};
    const auto linger = [&] {
        copying = true;
        // As long as the sender would need to spoil what it lent.
        const Deadline deadline = Deadline::after(Seconds(0.05));
        while (!dropped.load() && !deadline.has_passed()) std::this_thread::yield();
    };
    run_ranks({.ranks = 2, .fault = "mid_copy:1:1", .on_strike = linger}, [&](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        constexpr std::size_t count = 1 << 20;
        auto* data = self.allocate<std::uint8_t>(count);
        std::fill_n(data, count, self.rank == 0 ? 5 : 0);
        const Part part{data, count, Dtype::u8};
        if (self.rank == 0) {
            other->set_lag(10);
            Request sent = other->start_send({&part, 1}, 1);
            offered = true;
            while (!copying.load()) std::this_thread::yield();
            other.reset();
            std::fill_n(data, count, 9);
            dropped = true;
            CHECK(sent.test());
        } else {
            while (!offered.load()) std::this_thread::yield();  // else its sender would copy it
            other->receive({&part, 1}, 0, 0, soon());
            CHECK(std::count(data, data + count, 5) == std::ptrdiff_t(count));
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("closed: a request about messages outlives its communicator") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        auto other = self.world.split(0, 0, soon());
        int value = 0;
        const Part part{&value, 1, Dtype::i32};
        Request request = other->start_receive({&part, 1});
        self.world.barrier(soon());
        other.reset();
        CHECK_THROWS_WITH_AS((void)request.test(), "wait for a message: its communicator is closed",
                             Error);
    });
}
