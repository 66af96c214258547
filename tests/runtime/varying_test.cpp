// SPDX-License-Identifier: Apache-2.0
// Proves what happens when members give counts of their own that do not fit together, and that
// sources and results may share memory. (What comes out otherwise: exact_test.cpp.)
#include <doctest/doctest.h>

#include <numeric>

#include "base/error.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const Options worlds[] = {{.ranks = 2}, {.ranks = 3}, {.ranks = 5, .cpus = 2}};

// Every rank must hear of a mismatch, and of `who`.
template <typename Run>
void expect_mismatch(Rank& self, const std::string& who, Run run) {
    try {
        run();
        CHECK_MESSAGE(false, "counts that do not fit gave a result");
    } catch (const Error& error) {
        CAPTURE(std::string(error.what()));
        CHECK(error.code == ErrorCode::mismatch);
        CHECK(std::string(error.what()).find(who) != std::string::npos);
    }
    self.world.barrier();
}

}  // namespace

TEST_CASE("varying: counts that do not fit are told to all, and the communicator works on") {
    for (const Options& options : worlds)
        run_ranks(options, [&](Rank& self) {
            const auto n = static_cast<std::size_t>(options.ranks);
            for (const std::size_t count : {1u, 5000u}) {
                std::vector<std::int32_t> from((n + 1) * count, self.rank), to((n + 1) * count, -1);
                const bool is_odd = self.rank == 1;
                const auto part = [](std::vector<std::int32_t>& data, std::size_t elements) {
                    return Part{data.data(), elements, Dtype::i32};
                };
                const Part own = part(from, count), nothing{nullptr, 0, Dtype::i32};
                expect_mismatch(self, "rank 1 expects", [&] {
                    self.world.run(
                        Collective::allgatherv(own, part(to, n * count + (is_odd ? 1 : 0))));
                });
                expect_mismatch(self, "rank 1 expects", [&] {
                    self.world.run(
                        Collective::gatherv(own, is_odd ? part(to, n * count - 1) : nothing, 1));
                });
                expect_mismatch(self, "rank 1 gives", [&] {
                    self.world.run(Collective::scatterv(
                        is_odd ? part(from, n * count + 1) : nothing, part(to, count), 1));
                });
                expect_mismatch(self, "rank 1 gives", [&] {
                    self.world.run(Collective::reduce_scatterv(
                        part(from, n * count + (is_odd ? 1 : 0)), part(to, count), Op::sum));
                });
                std::vector<std::size_t> from_counts(n, count), to_counts(n, count);
                if (is_odd) ++to_counts[0];
                expect_mismatch(self, "rank 1, which expects", [&] {
                    self.world.run(Collective::alltoallv(part(from, n * count), from_counts,
                                                         part(to, n * count + (is_odd ? 1 : 0)),
                                                         to_counts));
                });
                CHECK(std::count(to.begin(), to.end(), -1) == std::ptrdiff_t(to.size()));
            }
        });
}

TEST_CASE("varying: an operation of equal counts is another one") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        float own = 1, all[3] = {};
        const Part from{&own, 1, Dtype::f32}, to{all, 3, Dtype::f32};
        expect_mismatch(self, "counts vary", [&] {
            self.world.run(self.rank == 0 ? Collective::allgather(from, to)
                                          : Collective::allgatherv(from, to));
        });
    });
}

TEST_CASE("varying: sources and results of other types are refused before anything happens") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        double numbers[8] = {};
        const std::vector<std::size_t> counts{1, 1};
        const Part from{numbers, 2, Dtype::f32}, to{numbers + 2, 4, Dtype::f64};
        const Part two{numbers + 2, 2, Dtype::f64};
        for (const Collective& call :
             {Collective::allgatherv(from, to), Collective::reduce_scatterv(from, two, Op::sum),
              Collective::gatherv(from, to, self.rank), Collective::scatterv(from, two, self.rank),
              Collective::alltoallv(from, counts, two, counts)})
            try {
                self.world.run(call, Deadline::after(Seconds(5)));
                CHECK_MESSAGE(false, "types that differ were taken");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::usage);
            }
        self.world.barrier();
    });
}

TEST_CASE("varying: counts for too many or too few members are refused, and wrong sums") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        float numbers[4] = {};
        const Part part{numbers, 2, Dtype::f32};
        const std::vector<std::size_t> good{1, 1}, long_one{1, 1, 0}, wrong{1, 2};
        for (const auto& bad : {long_one, wrong}) {
            CHECK_THROWS_AS(self.world.run(Collective::alltoallv(part, bad, part, good)), Error);
            CHECK_THROWS_AS(self.world.run(Collective::alltoallv(part, good, part, bad)), Error);
        }
        self.world.barrier();
    });
}

TEST_CASE("varying: a source may lie within the result, in its place or elsewhere") {
    for (const Options& options : worlds)
        for (const std::size_t scale : {1u, 4000u})
            for (const bool in_place : {true, false})
                run_ranks(options, [&](Rank& self) {
                    const auto count_of = [&](int rank) { return scale * (rank % 3); };
                    std::size_t total = 0, before = 0;
                    for (int rank = 0; rank < options.ranks; ++rank) {
                        if (rank < self.rank) before += count_of(rank);
                        total += count_of(rank);
                    }
                    const std::size_t own = count_of(self.rank);
                    auto* data = self.allocate<std::int32_t>(total + 1);
                    std::int32_t* from = data + (in_place ? before : (total - own) / 2);
                    std::iota(from, from + own, self.rank * 100000);
                    self.world.run(
                        Collective::allgatherv({from, own, Dtype::i32}, {data, total, Dtype::i32}));
                    std::size_t at = 0, wrong = 0;
                    for (int rank = 0; rank < options.ranks; ++rank)
                        for (std::size_t i = 0; i < count_of(rank); ++i, ++at)
                            wrong += data[at] != rank * 100000 + static_cast<int>(i);
                    CHECK(wrong == 0);
                });
}
