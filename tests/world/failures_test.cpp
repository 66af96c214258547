// SPDX-License-Identifier: Apache-2.0
// What members on several hosts are told when they disagree, or when one of them is lost.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

TEST_CASE("hosts: members that call different operations are all told which, and go on") {
    run_everywhere([](HostRank& self) {
        const int last = self.world.size() - 1;
        for (int round = 0; round < 3; ++round) {
            auto items = values(self.rank, 10);
            const auto before = items;
            const Part part = part_of(items);
            const bool differs = self.rank == last;
            const CallSite site{differs ? "other.lua" : "most.lua", 7};
            const Error error = error_of([&] {
                if (round == 0)
                    self.world.allreduce({&part, 1}, differs ? Op::max : Op::sum, soon(), site);
                else if (differs)
                    self.world.barrier(soon(), site);
                else
                    self.world.broadcast({&part, 1}, round - 1, soon(), site);
            });
            CHECK(error.code == ErrorCode::mismatch);
            CHECK_MESSAGE(says(error, "at most.lua:7"), std::string(error.what()));
            CHECK_MESSAGE(says(error, "rank " + std::to_string(last) + " calls "),
                          std::string(error.what()));
            CHECK_MESSAGE(says(error, "at other.lua:7"), std::string(error.what()));
            CHECK(items == before);
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("hosts: a member that ends is named to all others, with its host") {
    for (const int count : {4, 300'000})
        run_hosts({.ranks_on = {2, 1, 2}}, [count](HostRank& self) {
            auto items = values(self.rank, static_cast<std::size_t>(count));
            const Part part = part_of(items);
            self.world.allreduce({&part, 1}, Op::sum, soon());
            if (self.rank == 3) return;
            const Error error = error_of([&] {
                self.world.allreduce({&part, 1}, Op::sum, soon());
            });
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(error.rank == 3);
            CHECK_MESSAGE(says(error, "rank 3"), std::string(error.what()));
            // And everything later says the same, at once.
            const Error again = error_of([&] { self.world.barrier(soon()); });
            CHECK(again.code == ErrorCode::peer_lost);
        });
}

TEST_CASE("hosts: a member that comes too late has all others give up, and is named") {
    std::atomic<int> gave_up = 0;
    run_hosts({.ranks_on = {2, 2}}, [&](HostRank& self) {
        const Deadline patience = soon();
        if (self.rank == 2) {
            // Until the others are through with it.
            while (gave_up.load() < 3 && !patience.has_passed()) std::this_thread::yield();
            CHECK(error_of([&] { self.world.barrier(soon()); }).code == ErrorCode::timeout);
            return;
        }
        const Error error = error_of([&] { self.world.barrier(Deadline::after(Seconds(0.2))); });
        gave_up.fetch_add(1);
        CHECK(error.code == ErrorCode::timeout);
    });
}

TEST_CASE("hosts: who waits for another host hears that a member of its own has failed") {
    std::atomic<bool> has_heard = false;
    (void)test::run_hosts_to_the_end({.ranks_on = {2, 1}}, [&](HostRank& self) {
        const Deadline patience = soon();
        if (self.rank == 2) {
            while (!has_heard.load() && !patience.has_passed()) std::this_thread::yield();
            return;
        }
        if (self.rank == 1) {
            // Until the other has gone on to wait for rank 2.
            Request request = self.world.start(Collective::barrier(), soon());
            CHECK_FALSE(request.wait(Deadline::after(Seconds(0.1))));
            throw Error(ErrorCode::usage, "a fault of the program");
        }
        const Error error = error_of([&] { self.world.barrier(soon()); });
        has_heard.store(true);
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK_MESSAGE(error.rank == 1, std::string(error.what()));
    });
}

TEST_CASE("hosts: who waits for a member of its own host names it by its rank") {
    std::atomic<bool> gave_up = false;
    run_hosts({.ranks_on = {2, 2}}, [&](HostRank& self) {
        const Deadline patience = soon();
        if (self.rank != 3) {
            while (!gave_up.load() && !patience.has_passed()) std::this_thread::yield();
            return;
        }
        const Error error = error_of([&] { self.world.barrier(Deadline::after(Seconds(0.1))); });
        gave_up = true;
        CHECK(error.code == ErrorCode::timeout);
        CHECK_MESSAGE(says(error, "timed out waiting for rank 2"), std::string(error.what()));
    });
}

// All ranks but these come to a barrier in time; what their errors must say.
static void come_without(const std::vector<int>& late, const std::string& expected) {
    std::atomic<int> gave_up = 0;
    run_hosts({.ranks_on = {2, 2, 2}}, [&](HostRank& self) {
        const Deadline patience = soon();
        const int others = self.world.size() - static_cast<int>(late.size());
        if (std::ranges::find(late, self.rank) != late.end()) {
            while (gave_up.load() < others && !patience.has_passed()) std::this_thread::yield();
            return;
        }
        const Error error = error_of([&] { self.world.barrier(Deadline::after(Seconds(0.2))); });
        gave_up.fetch_add(1);
        CHECK(error.code == ErrorCode::timeout);
        CHECK_MESSAGE(says(error, expected), std::string(error.what()));
    });
}

TEST_CASE("hosts: one that is late on its host is named to all others") {
    come_without({3}, "waiting for rank 3");
}

TEST_CASE("hosts: when a whole host is late, all others name who speaks for it, and the host") {
    come_without({2, 3}, "waiting for rank 2 on host h1");
}

TEST_CASE("hosts: a communicator that is closed under way is missed by the others") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        auto group = self.world.split(0, 0, soon());
        REQUIRE(group.has_value());
        group->barrier(soon());
        if (self.rank == 3) {
            group.reset();
        } else {
            const Error error = error_of([&] { group->barrier(soon()); });
            CHECK(error.code == ErrorCode::peer_lost);
        }
        self.world.barrier(soon());
    });
}

}  // namespace ipcrun
