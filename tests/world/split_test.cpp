// SPDX-License-Identifier: Apache-2.0
// Communicators from communicators over hosts.
#include <doctest/doctest.h>

#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

namespace {

// That the members are these, and can add up their ranks in the world.
void check_members(Communicator& part, const std::vector<int>& expected, int own) {
    CHECK(
        std::equal(part.members().begin(), part.members().end(), expected.begin(), expected.end()));
    CHECK(part.members()[index(part.rank())] == own);
    for (const std::size_t count : {1, 5'000}) {
        std::vector<std::int32_t> items(count, own);
        const Part whole = part_of(items);
        part.allreduce({&whole, 1}, Op::sum, soon());
        const int sum = std::accumulate(expected.begin(), expected.end(), 0);
        CHECK(items == std::vector<std::int32_t>(count, sum));
    }
}

}  // namespace

TEST_CASE("hosts: a split by colour makes communicators across hosts, in the order of keys") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        auto part = self.world.split(self.rank % 2, -self.rank, soon());
        REQUIRE(part.has_value());
        std::vector<int> expected;
        for (int rank = size - 1; rank >= 0; --rank)
            if (rank % 2 == self.rank % 2) expected.push_back(rank);
        check_members(*part, expected, self.rank);
        self.world.barrier(soon());
    });
}

TEST_CASE("hosts: the members of a node are a communicator of their own") {
    run_hosts({.ranks_on = {1, 3, 2}, .cyclic = true}, [](HostRank& self) {
        std::vector<int> expected;
        for (int rank = 0; rank < self.world.size(); ++rank)
            if (self.wires->table().host_of(rank) == self.host) expected.push_back(rank);
        Communicator part = self.world.split(Locality::node, soon());
        check_members(part, expected, self.rank);
        // And may be split further.
        auto alone = part.split(part.rank(), 0, soon());
        REQUIRE(alone.has_value());
        check_members(*alone, {self.rank}, self.rank);
    });
}

TEST_CASE("hosts: who gives no colour gets no communicator") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        auto part = self.world.split(self.rank == 1 ? -1 : 0, 0, soon());
        CHECK(part.has_value() == (self.rank != 1));
        if (part) check_members(*part, {0, 2, 3}, self.rank);
        self.world.barrier(soon());
    });
}

TEST_CASE("hosts: communicators are split again and again, and work side by side") {
    run_hosts({.ranks_on = {2, 3, 1}}, [](HostRank& self) {
        auto outer = self.world.split(self.rank < 5 ? 0 : 1, 0, soon());
        REQUIRE(outer.has_value());
        if (self.rank == 5) return;
        auto inner = outer->split(outer->rank() % 2, 0, soon());
        REQUIRE(inner.has_value());
        for (int round = 0; round < 3; ++round) {
            check_members(*inner, self.rank % 2 == 0 ? std::vector{0, 2, 4} : std::vector{1, 3},
                          self.rank);
            check_members(*outer, {0, 1, 2, 3, 4}, self.rank);
        }
    });
}

TEST_CASE("hosts: communicators that are closed leave room for any number of others") {
    run_hosts({.ranks_on = {2, 1, 2}}, [](HostRank& self) {
        for (int round = 0; round < 200; ++round) {
            auto part = self.world.split((self.rank + round) % 2, 0, soon());
            REQUIRE(part.has_value());
            std::int32_t one = 1;
            const Part whole{&one, 1, Dtype::i32};
            part->allreduce({&whole, 1}, Op::sum, soon());
            CHECK(one == part->size());
        }
    });
}

TEST_CASE("hosts: a split that finds no room fails on all members, and the world works on") {
    run_hosts({.ranks_on = {2, 1}}, [](HostRank& self) {
        // As if all memory for communicators of one host were taken.
        const ControlSegment& control = self.world.impl().node().group.control();
        if (self.rank == 1) control.header().blocks_bytes.store(std::uint64_t{1} << 60);
        self.world.barrier(soon());
        const Error error = error_of([&] { (void)self.world.split(0, 0, soon()); });
        CHECK_MESSAGE(error.code == ErrorCode::system, std::string(error.what()));
        CHECK_MESSAGE(says(error, "no room"), std::string(error.what()));
        self.world.barrier(soon());
    });
}

TEST_CASE("hosts: a member that ends in a split is named to the others") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        self.world.barrier(soon());
        if (self.rank == 2) return;
        const Error error = error_of([&] { (void)self.world.split(0, 0, soon()); });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK_MESSAGE(error.rank == 2, std::string(error.what()));
        CHECK_MESSAGE(says(error, "rank 2 on host h1"), std::string(error.what()));
    });
}

}  // namespace ipcrun
