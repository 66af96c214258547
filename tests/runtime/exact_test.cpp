// SPDX-License-Identifier: Apache-2.0
// Proves every kind of operation against an exact reference, with ranks as threads: a part of what
// tests/e2e/exact.sh proves of real jobs.
#include <doctest/doctest.h>

#include "tests/runtime/exact_cases.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const Options worlds[] = {
    {.ranks = 1}, {.ranks = 2}, {.ranks = 3, .cpus = 2}, {.ranks = 8, .cpus = 2}};

// Runs the checks on every rank, and tells what the first of them found wrong.
void run_checks(const Options& options, const std::function<void(Self)>& checks) {
    run_ranks(options, [&](Rank& self) {
        try {
            checks({self.world, self.heap});
        } catch (const Error& error) {
            if (error.code != ErrorCode::peer_lost) FAIL_CHECK(error.what());
            throw;
        }
    });
}

}  // namespace

TEST_CASE("exact: reductions of every dtype, operator and small count are right in every bit") {
    for (const Options& options : worlds)
        run_checks(options, [](Self self) {
            for (int dtype = 0; dtype < dtype_count; ++dtype)
                for (int op = 0; op <= static_cast<int>(Op::bxor); ++op)
                    for (const std::size_t count : {0u, 1u, 63u, 64u, 65u}) {
                        const auto where = all_places[(dtype + op + count) % 4];
                        if (is_defined(Op(op), Dtype(dtype)))
                            check_reductions(self, Op(op), Dtype(dtype), count, where);
                    }
        });
}

TEST_CASE("exact: large reductions are right in every bit, wherever the elements lie") {
    for (const Options& options : worlds)
        run_checks(options, [](Self self) {
            for (const Where where : all_places) {
                check_reductions(self, Op::sum, Dtype::f32, 20003, where);
                check_reductions(self, Op::max, Dtype::bf16, 40001, where);
                check_reductions(self, Op::prod, Dtype::i64, 10007, where);
            }
            check_reductions(self, Op::avg, Dtype::u8, (1 << 20) + 3, Where::private_memory);
        });
}

TEST_CASE("exact: blocks go where they should, from and to memory of every kind") {
    for (const Options& options : worlds)
        run_checks(options, [](Self self) {
            for (const Where from : all_places)
                for (const Where to : all_places)
                    for (const std::size_t count : {0u, 1u, 65u, 3001u})
                        check_moves(self, Dtype(count % dtype_count), count, from, to);
            check_moves(self, Dtype::f64, 20011, Where::private_memory, Where::private_memory);
        });
}

TEST_CASE("exact: blocks of counts that vary go where they should, empty ones too") {
    for (const Options& options : worlds)
        run_checks(options, [](Self self) {
            for (const Where from : all_places)
                for (const Where to : all_places)
                    for (const std::size_t count : {0u, 64u, 3001u})
                        check_varying(self, Dtype(count % 5), count, from, to);
            check_varying(self, Dtype::i32, 100003, Where::private_memory, Where::private_memory);
        });
}
