// SPDX-License-Identifier: Apache-2.0
// What members of several hosts are told when they call different things.
#include <doctest/doctest.h>

#include "runtime/values_mismatch.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

namespace {

// Where rank `odd` calls one thing and all others another: what every member is told.
struct Disagreement {
    std::string most, odd;  // as the error says it
    std::function<void(HostRank&, const Part&)> call_most, call_odd;
};

std::vector<Disagreement> disagreements() {
    const auto allreduce = [](Op op) {
        return [op](HostRank& self, const Part& part) {
            self.world.allreduce({&part, 1}, op, soon(), {"a.lua", 3});
        };
    };
    const auto broadcast = [](int root) {
        return [root](HostRank& self, const Part& part) {
            self.world.broadcast({&part, 1}, root, soon(), {"a.lua", 3});
        };
    };
    const auto shorter = [](HostRank& self, const Part& part) {
        const Part less{part.data, part.count - 1, part.dtype};
        self.world.allreduce({&less, 1}, Op::sum, soon(), {"a.lua", 3});
    };
    const auto floats = [](HostRank& self, const Part& part) {
        const Part other{part.data, part.count, Dtype::f32};
        self.world.allreduce({&other, 1}, Op::sum, soon(), {"a.lua", 3});
    };
    const auto barrier = [](HostRank& self, const Part&) {
        self.world.barrier(soon(), {"a.lua", 3});
    };
    const auto split = [](HostRank& self, const Part&) {
        (void)self.world.split(0, 0, soon(), {"a.lua", 3});
    };
    return {{"i32, sum)", "i32, max)", allreduce(Op::sum), allreduce(Op::max)},
            {"i32, root 0)", "i32, root 1)", broadcast(0), broadcast(1)},
            {"i32, sum)", "i32, sum)", allreduce(Op::sum), shorter},
            {"i32, sum)", "f32, sum)", allreduce(Op::sum), floats},
            {"barrier()", "i32, sum)", barrier, allreduce(Op::sum)},
            {"i32, sum)", "barrier()", allreduce(Op::sum), barrier},
            {"split()", "barrier()", split, barrier}};
}

}  // namespace

TEST_CASE("hosts: all members are told what the first one calls and who calls something else") {
    // Alone on its host, among others of its host, and the first of all; small and large.
    for (const int odd : {0, 2, 4})
        for (const std::size_t count : {std::size_t{9}, std::size_t{50'000}})
            run_hosts({.ranks_on = {2, 2, 1}}, [odd, count](HostRank& self) {
                for (const Disagreement& one : disagreements()) {
                    auto items = values(self.rank, count);
                    const auto before = items;
                    const Part part = part_of(items);
                    const bool is_odd = self.rank == odd;
                    const Error error =
                        error_of([&] { (is_odd ? one.call_odd : one.call_most)(self, part); });
                    CHECK(error.code == ErrorCode::mismatch);
                    CHECK(error.rank == (odd == 0 ? 1 : odd));
                    CHECK_MESSAGE(says(error, "rank 0 calls "), std::string(error.what()));
                    CHECK_MESSAGE(says(error, one.most + " at a.lua:3"), std::string(error.what()));
                    CHECK_MESSAGE(says(error, one.odd + " at a.lua:3"), std::string(error.what()));
                    CHECK(items == before);
                }
                // And it works on.
                auto items = values(self.rank, count);
                const Part part = part_of(items);
                self.world.allreduce({&part, 1}, Op::sum, soon());
                CHECK(items == sums(self.world.size(), count));
            });
}

TEST_CASE("hosts: members that differ in values alone learn that") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        for (const int odd : {1, 3}) {
            std::vector<std::int32_t> items(self.rank == odd ? 5 : 4);
            const Part part = part_of(items);
            CHECK_THROWS_AS(self.world.broadcast({&part, 1}, 0, soon()), ValuesMismatch);
            // Another operation is more than that.
            try {
                if (self.rank == odd)
                    self.world.barrier(soon());
                else
                    self.world.broadcast({&part, 1}, 0, soon());
                FAIL("members disagree");
            } catch (const ValuesMismatch& error) {
                FAIL(error.what());
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::mismatch);
            }
        }
    });
}

TEST_CASE("hosts: counts that vary and do not fit together are a disagreement of all") {
    using Kind = Collective::Kind;
    run_hosts({.ranks_on = {2, 1, 2}, .cyclic = true}, [](HostRank& self) {
        const int size = self.world.size();
        const auto n = index(size);
        for (const Kind kind :
             {Kind::reduce_scatter, Kind::allgather, Kind::gather, Kind::scatter}) {
            // One element more than the members give or expect, at member 3.
            const std::size_t extra = self.rank == 3 ? 1 : 0;
            std::vector<std::int32_t> block(4, 7), whole(4 * n + extra, 8);
            const auto block_before = block, whole_before = whole;
            const bool gives_whole = kind == Kind::reduce_scatter || kind == Kind::scatter;
            const Part one = part_of(block), all = part_of(whole);
            Collective collective{.kind = kind, .op = Op::sum, .root = 0, .varying = true};
            collective.from = {gives_whole ? &all : &one, 1};
            collective.to = {gives_whole ? &one : &all, 1};
            if (kind == Kind::gather || kind == Kind::scatter) collective.root = 3;
            const Error error = error_of([&] { run(self, collective); });
            CHECK(error.code == ErrorCode::mismatch);
            CHECK(error.rank == 3);
            CHECK_MESSAGE(says(error, "rank 3 "), std::string(error.what()));
            CHECK_MESSAGE(says(error, " 21 elements"), std::string(error.what()));
            CHECK(block == block_before);
            CHECK(whole == whole_before);
        }
        self.world.barrier(soon());
    });
}

TEST_CASE("hosts: two members of an alltoallv that disagree about a block are named to all") {
    // Within a host, and between two.
    for (const auto& [giver, taker] : {std::pair(0, 1), std::pair(4, 2)})
        run_hosts({.ranks_on = {2, 2, 1}}, [giver = giver, taker = taker](HostRank& self) {
            const auto n = index(self.world.size());
            std::vector<std::size_t> give(n, 3), take(n, 3);
            if (self.rank == giver) give[index(taker)] = 5;
            std::vector<std::int32_t> out(std::accumulate(give.begin(), give.end(), 0u), 1);
            std::vector<std::int32_t> in(3 * n, 2);
            const auto before = in;
            const Part from = part_of(out), to = part_of(in);
            const Error error =
                error_of([&] { run(self, Collective::alltoallv(from, give, to, take)); });
            CHECK(error.code == ErrorCode::mismatch);
            CHECK(error.rank == taker);
            const std::string text = "rank " + std::to_string(giver) +
                                     " gives 5 elements to rank " + std::to_string(taker) +
                                     ", which expects 3";
            CHECK_MESSAGE(says(error, text), std::string(error.what()));
            CHECK(in == before);
            self.world.barrier(soon());
        });
}

TEST_CASE("hosts: a call that makes no sense is refused before it counts") {
    run_hosts({.ranks_on = {1, 2}}, [](HostRank& self) {
        auto items = values(self.rank, 4);
        const Part part = part_of(items);
        for (const bool is_started : {false, true}) {
            const Collective wrong = Collective::broadcast({&part, 1}, 3);
            const Error error = error_of([&] {
                if (is_started)
                    (void)self.world.start(wrong, soon());
                else
                    run(self, wrong);
            });
            CHECK(error.code == ErrorCode::usage);
            CHECK_MESSAGE(says(error, "ranks 0 to 2"), std::string(error.what()));
        }
        self.world.barrier(soon());
    });
}

}  // namespace ipcrun
