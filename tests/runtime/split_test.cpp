// SPDX-License-Identifier: Apache-2.0
// Proves who becomes a member of what, that communicators do not disturb each other, and that those
// that are gone leave nothing behind.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const auto soon = [] { return Deadline::after(Seconds(20)); };

// The sum over the members of their ranks in the world, and of `count` times that.
void check_sum(Communicator& communicator, Rank& self, std::size_t count) {
    std::vector<std::int32_t> data(count, self.rank);
    const Part part{data.data(), count, Dtype::i32};
    communicator.allreduce({&part, 1}, Op::sum, soon());
    std::int32_t sum = 0;
    for (const int member : communicator.members()) sum += member;
    REQUIRE(std::count(data.begin(), data.end(), sum) == std::ptrdiff_t(count));
}

}  // namespace

TEST_CASE("split: equal colours become one communicator, in order of key, then of rank") {
    for (const int cpus : {2, 7})
        run_ranks({.ranks = 7, .cpus = cpus}, [](Rank& self) {
            const bool none = self.rank == 3;
            auto half = self.world.split(none ? -1 : self.rank % 2, -self.rank / 4, soon());
            CHECK(half.has_value() == !none);
            if (!none) {
                const std::vector<int> even{4, 6, 0, 2}, odd{5, 1};
                const auto& expected = self.rank % 2 == 0 ? even : odd;
                CHECK(std::ranges::equal(half->members(), expected));
                CHECK(half->size() == static_cast<int>(expected.size()));
                CHECK(expected[half->rank()] == self.rank);
                check_sum(*half, self, 3);
                check_sum(*half, self, 30000);
            }
            check_sum(self.world, self, 100);
        });
}

TEST_CASE("split: communicators are made from communicators, and outlive them") {
    run_ranks({.ranks = 8, .cpus = 3}, [](Rank& self) {
        std::optional<Communicator> inner;
        {
            auto half = self.world.split(self.rank / 4, 0, soon());
            auto quarter = half->split(half->rank() % 2, -half->rank(), soon());
            CHECK(quarter->members()[quarter->rank()] == self.rank);
            CHECK(quarter->members()[0] == quarter->members()[1] + 2);
            inner = quarter->split(0, 0, soon());
            check_sum(*half, self, 20000);
        }
        check_sum(*inner, self, 20000);
        CHECK(inner->size() == 2);
        // One of one does all by itself.
        auto alone = inner->split(inner->rank(), 0, soon());
        check_sum(*alone, self, 20000);
    });
}

TEST_CASE("split: the memory of communicators that are gone is used again") {
    run_ranks({.ranks = 3, .cpus = 1}, [](Rank& self) {
        const auto& header = self.memory->control().header();
        std::uint64_t after_some = 0;
        for (int round = 0; round < 5000; ++round) {
            auto all = self.world.split(0, self.rank, soon());
            auto some = self.world.split(self.rank == round % 3 ? -1 : 0, 0, soon());
            if (round % 50 == 0) check_sum(*all, self, 2000);
            if (some && round % 50 == 0) check_sum(*some, self, 2);
            if (round == 20) after_some = header.blocks_bytes.load();
        }
        self.world.barrier(soon());
        CHECK(header.blocks_bytes.load() <= after_some + (1 << 20));
        CHECK(header.communicators.load() >= 10000);
    });
}

TEST_CASE("split: a communicator in used memory starts afresh") {
    run_ranks({.ranks = 4, .cpus = 2}, [](Rank& self) {
        for (int round = 0; round < 60; ++round) {
            auto pair = self.world.split(self.rank / 2, 0, soon());
            for (int i = 0; i <= round % 9; ++i) check_sum(*pair, self, i % 2 == 0 ? 2 : 3000);
        }
    });
}

TEST_CASE("split: threads of a rank use communicators of their own at the same time") {
    run_ranks({.ranks = 3, .cpus = 3}, [](Rank& self) {
        std::vector<std::optional<Communicator>> own;
        for (int i = 0; i < 3; ++i) own.push_back(self.world.split(0, i * self.rank, soon()));
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&, i] {
                for (int round = 0; round < 60; ++round) {
                    check_sum(*own[i], self, (round + i) % 3 == 0 ? 20000 : 20);
                    auto part = own[i]->split(round % 2 == 0 ? 0 : self.rank % 2, 0, soon());
                    check_sum(*part, self, 2000);
                }
            });
        for (std::thread& thread : threads) thread.join();
    });
}

TEST_CASE("split: by locality the members are those that were put side by side") {
    run_ranks({.ranks = 4}, [](Rank& self) {
        RankSlot& own = self.memory->control().rank(self.rank);
        own.place.numa = static_cast<std::uint32_t>(self.rank / 2 + 1);
        own.place.last_level_cache = static_cast<std::uint32_t>(self.rank + 1);
        CHECK(self.world.split(Locality::node, soon()).size() == 4);
        const Communicator numa = self.world.split(Locality::numa, soon());
        CHECK(std::ranges::equal(numa.members(),
                                 std::vector{self.rank / 2 * 2, self.rank / 2 * 2 + 1}));
        CHECK(self.world.split(Locality::l3, soon()).size() == 1);
    });
}

TEST_CASE("split: a colour on one rank and a locality on another are a mismatch") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        try {
            if (self.rank == 0)
                (void)self.world.split(0);
            else
                (void)self.world.split(Locality::numa);
            FAIL("no error came");
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::mismatch);
            CHECK(std::string_view(error.what()).find("split()") != std::string_view::npos);
        }
        self.world.barrier();
    });
}

TEST_CASE("split: what another rank calls instead is a mismatch, and the communicator works on") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        std::uint64_t own = 0, all[3] = {};
        const Part from{&own, 8, Dtype::u8}, to{all, 24, Dtype::u8};
        for (int round = 0; round < 2; ++round) {
            try {
                if (self.rank == 1)
                    self.world.run(Collective::allgather(from, to), soon());
                else
                    (void)self.world.split(0, 0, soon());
                CHECK_MESSAGE(false, "a split without rank 1 was made");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::mismatch);
                const std::string_view text = error.what();
                CHECK(text.find("rank 0 calls split() at ") != text.npos);
                CHECK(text.find("rank 1 calls allgather(8 u8) at ") != text.npos);
            }
        }
        CHECK(self.world.split(0, 0, soon())->size() == 3);
    });
}

TEST_CASE("split: without room the colour that finds none is told, and all goes on") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        auto& header = self.memory->control().header();
        self.world.barrier(soon());
        const std::uint64_t used = header.blocks_bytes.load();
        self.world.barrier(soon());
        if (self.rank == 0) header.blocks_bytes = self.memory->control().bytes();
        for (int round = 0; round < 3; ++round) try {
                (void)self.world.split(0, 0, soon());
                CHECK_MESSAGE(false, "a communicator was made of no memory");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::system);
            }
        // What there was no room for has taken none.
        CHECK(header.blocks_bytes.load() == self.memory->control().bytes());
        self.world.barrier(soon());
        if (self.rank == 0) header.blocks_bytes = used;
        CHECK(self.world.split(0, 0, soon())->size() == 2);
    });
}
