// SPDX-License-Identifier: Apache-2.0
// Proves what operations of equal counts do where sources and results share memory, and with lists
// of any length. (What comes out of separate memory: exact_test.cpp.)
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "tests/runtime/exact_cases.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

const Options worlds[] = {
    {.ranks = 1}, {.ranks = 2}, {.ranks = 3, .cpus = 2}, {.ranks = 8, .cpus = 2}};
constexpr std::size_t counts[] = {1, 7, 9000, 40000};

// Memory of n blocks, of the heap and private; `body(self, data, n, count)` finds it filled with
// a number for the rank, the block and the element.
int number(int rank, std::size_t block, std::size_t i) {
    return rank * 1'000'000 + static_cast<int>(block) * 100'000 + static_cast<int>(i);
}
template <typename Body>
void for_all_blocks(Body body) {
    for (const Options& options : worlds)
        for (const std::size_t count : counts)
            for (const bool is_private : {false, true}) {
                CAPTURE(options.ranks);
                CAPTURE(count);
                CAPTURE(is_private);
                run_ranks(options, [&](Rank& self) {
                    const auto n = static_cast<std::size_t>(options.ranks);
                    std::vector<std::int32_t> own(is_private ? 2 * n * count : 0);
                    auto* data =
                        is_private ? own.data() : self.allocate<std::int32_t>(2 * n * count);
                    for (std::size_t i = 0; i < 2 * n * count; ++i)
                        data[i] = number(self.rank, i / count, i % count);
                    body(self, data, n, count);
                });
            }
}

Part ints(std::int32_t* data, std::size_t count) {
    return {data, count, Dtype::i32};
}

// Block `at` of `data` is block `block` of `rank`.
bool is_block(const std::int32_t* data, std::size_t at, int rank, std::size_t block,
              std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (data[at * count + i] != number(rank, block, i)) return false;
    return true;
}

}  // namespace

TEST_CASE("kinds: what allgather and gather are given may lie in its place, or in another's") {
    for (const std::size_t shift : {0u, 1u})
        for (const bool to_all : {true, false})
            for_all_blocks([&](Rank& self, std::int32_t* data, std::size_t n, std::size_t count) {
                const int root = static_cast<int>(n) - 1;
                const std::size_t place = (static_cast<std::size_t>(self.rank) + shift) % n;
                const Part from = ints(data + place * count, count);
                const Part to = ints(data, n * count);
                self.world.run(to_all ? Collective::allgather(from, to)
                                      : Collective::gather(from, to, root));
                for (std::size_t k = 0; k < n; ++k) {
                    const bool is_result = to_all || self.rank == root;
                    const int giver = is_result ? static_cast<int>(k) : self.rank;
                    const std::size_t block = is_result ? (k + shift) % n : k;
                    CHECK(is_block(data, k, giver, block, count));
                }
            });
}

TEST_CASE("kinds: what scatter gives back may lie in its place, or in another's") {
    for (const std::size_t shift : {0u, 1u})
        for_all_blocks([&](Rank& self, std::int32_t* data, std::size_t n, std::size_t count) {
            const int root = static_cast<int>(n) / 2;
            const std::size_t place = (static_cast<std::size_t>(self.rank) + shift) % n;
            self.world.run(Collective::scatter(ints(data, n * count),
                                               ints(data + place * count, count), root));
            for (std::size_t k = 0; k < n; ++k) {
                const bool is_result = k == place;
                CHECK(is_block(data, k, is_result ? root : self.rank,
                               is_result ? static_cast<std::size_t>(self.rank) : k, count));
            }
        });
}

TEST_CASE("kinds: what reduce_scatter gives back may lie in its place, in another's or between") {
    for (const int where : {0, 1, 2})
        for_all_blocks([&](Rank& self, std::int32_t* data, std::size_t n, std::size_t count) {
            const auto rank = static_cast<std::size_t>(self.rank);
            const std::size_t at =
                where == 2 ? count / 2 : (rank + static_cast<std::size_t>(where)) % n * count;
            self.world.run(
                Collective::reduce_scatter(ints(data, n * count), ints(data + at, count), Op::sum));
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < count; ++i) {
                std::int32_t sum = 0;
                for (std::size_t k = 0; k < n; ++k) sum += number(static_cast<int>(k), rank, i);
                wrong += data[at + i] != sum;
            }
            CHECK(wrong == 0);
        });
}

TEST_CASE("kinds: alltoall may put what it gets where it took what it gives") {
    for (const std::size_t shift : {0u, 1u})
        for_all_blocks([&](Rank& self, std::int32_t* data, std::size_t n, std::size_t count) {
            const std::size_t at = shift * count / 2;
            self.world.run(Collective::alltoall(ints(data, n * count), ints(data + at, n * count)));
            for (std::size_t k = 0; k < n; ++k)
                CHECK(is_block(data + at, k, static_cast<int>(k),
                               static_cast<std::size_t>(self.rank), count));
        });
}

TEST_CASE("kinds: reduce may put its result on what it was given, or on some of it") {
    for (const int how : {0, 1, 2})
        for_all_blocks([&](Rank& self, std::int32_t* data, std::size_t n, std::size_t count) {
            const std::size_t at = how == 0 ? 0 : how == 1 ? count / 2 : count;
            const Part from[] = {ints(data, count), ints(data + count, count)};
            // Of two results the second lies on the source of the first.
            const Part to[] = {ints(data + at, count),
                               ints(data + (how == 2 ? 0 : 2 * n - 1) * (how == 2 ? 1 : count),
                                    how == 2 ? count : 0)};
            const bool two = how == 2;
            self.world.run(Collective::reduce({from, two ? 2u : 1u}, {to, two ? 2u : 1u}, Op::max,
                                              static_cast<int>(n) - 1));
            if (self.rank != static_cast<int>(n) - 1) return;
            CHECK(is_block(data + at, 0, self.rank, 0, count));
            if (two) CHECK(is_block(data, 0, self.rank, 1, count));
        });
}

TEST_CASE("kinds: lists of no parts, of empty parts and of hundreds are one operation each") {
    for (const Options& options : worlds)
        for (const std::size_t parts : {0u, 1u, 43u, 44u, 65u, 500u})
            for (const std::size_t count : {0u, 3u, 200u})
                run_ranks(options, [&](Rank& self) {
                    const Self own{self.world, self.heap};
                    std::vector<std::unique_ptr<Buffer>> buffers, results;
                    std::vector<Part> list, to;
                    for (std::size_t i = 0; i < parts; ++i) {
                        const auto where = all_places[i % 4];
                        const std::size_t elements = i % 5 == 0 ? 0 : count + i % 3;
                        buffers.push_back(
                            std::make_unique<Buffer>(own, where, Dtype::u8, elements));
                        results.push_back(
                            std::make_unique<Buffer>(own, where, Dtype::u8, elements));
                        buffers[i]->put(Bytes(elements, std::byte(self.rank + 1)));
                        list.push_back(buffers[i]->part());
                        to.push_back(results[i]->part());
                    }
                    const int n = options.ranks;
                    const auto all_are = [&](auto& some, int value) {
                        return std::ranges::all_of(some, [&](const auto& buffer) {
                            const Bytes bytes = buffer->get();
                            return std::ranges::count(bytes, std::byte(value)) ==
                                       std::ptrdiff_t(bytes.size()) &&
                                   buffer->is_untouched_around();
                        });
                    };
                    self.world.run(Collective::reduce(list, to, Op::sum, n - 1));
                    if (self.rank == n - 1) CHECK(all_are(results, n * (n + 1) / 2));
                    self.world.allreduce(list, Op::sum);
                    CHECK(all_are(buffers, n * (n + 1) / 2));
                    if (self.rank == 0)
                        for (auto& buffer : buffers)
                            buffer->put(Bytes(buffer->part().count, std::byte{9}));
                    self.world.broadcast(list, 0);
                    CHECK(all_are(buffers, 9));
                });
}

TEST_CASE("kinds: calls that make no sense are refused by who makes them, and harm nobody") {
    run_ranks({.ranks = 3}, [](Rank& self) {
        std::int32_t data[16] = {};
        const auto one = ints(data, 1), two = ints(data, 2), three = ints(data, 3);
        const auto four = ints(data, 4), five = ints(data, 5), six = ints(data, 6);
        const Part floats{data, 3, Dtype::f32};
        for (const Collective& call :
             {Collective::allgather(two, five), Collective::alltoall(four, four),
              Collective::alltoall(three, six), Collective::gather(two, five, self.rank),
              Collective::scatter(four, two, self.rank), Collective::gather(one, three, 3),
              Collective::reduce_scatter(four, one, Op::sum),
              Collective::reduce_scatter(floats, one, Op::sum),
              Collective::allreduce({&floats, 1}, Op::bxor)})
            try {
                self.world.run(call, Deadline::after(Seconds(5)));
                CHECK_MESSAGE(false, "a call that makes no sense was taken");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::usage);
            }
        self.world.barrier();
    });
}

TEST_CASE("kinds: values that stand for nothing are refused, and harm nobody") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        float value = 1;
        const auto refused = [&](const Collective& call) {
            try {
                self.world.run(call);
                return false;
            } catch (const Error& error) {
                return error.code == ErrorCode::usage;
            }
        };
        const Part good{&value, 1, Dtype::f32};
        Collective call = Collective::allreduce({&good, 1}, Op::sum);
        call.kind = static_cast<Collective::Kind>(99);
        CHECK(refused(call));
        CHECK(refused(Collective::allreduce({&good, 1}, static_cast<Op>(77))));
        const Part no_type{&value, 1, static_cast<Dtype>(77)};
        CHECK(refused(Collective::allreduce({&no_type, 1}, Op::sum)));
        const Part no_memory{nullptr, 1, Dtype::f32};
        CHECK(refused(Collective::allreduce({&no_memory, 1}, Op::sum)));
        self.world.allreduce({&good, 1}, Op::sum);
        CHECK(value == 2);
    });
}

TEST_CASE("kinds: members that mean different operations all hear of it, and go on") {
    for (const std::size_t count : {2u, 3000u})
        run_ranks({.ranks = 3, .cpus = 2}, [&](Rank& self) {
            auto* data = self.allocate<std::int32_t>(12 * count);
            std::fill_n(data, 12 * count, 7);
            const Part block = ints(data, count), blocks = ints(data + 3 * count, 3 * count);
            const Part more = ints(data, count + 1),
                       all_more = ints(data + 6 * count, 3 * count + 3);
            Part block_f = block, blocks_f = blocks;
            block_f.dtype = blocks_f.dtype = Dtype::f32;
            const std::span<const Part> list{&block, 1};
            const std::pair<Collective, Collective> odd[] = {
                {Collective::allgather(block, blocks), Collective::allgather(more, all_more)},
                {Collective::allgather(block, blocks), Collective::allgather(block_f, blocks_f)},
                {Collective::allgather(block, blocks), Collective::gather(block, blocks, 0)},
                {Collective::gather(block, blocks, 0), Collective::gather(block, blocks, 1)},
                {Collective::gather(block, blocks, 0), Collective::gather(more, all_more, 0)},
                {Collective::scatter(blocks, block, 2), Collective::scatter(blocks, block, 1)},
                {Collective::scatter(blocks, block, 2), Collective::scatter(all_more, more, 2)},
                {Collective::scatter(blocks, block, 2), Collective::scatter(blocks_f, block_f, 2)},
                {Collective::alltoall(blocks, blocks), Collective::alltoall(all_more, all_more)},
                {Collective::reduce_scatter(blocks, block, Op::sum),
                 Collective::reduce_scatter(blocks, block, Op::bor)},
                {Collective::reduce(list, list, Op::sum, 0),
                 Collective::reduce(list, list, Op::sum, 1)},
                {Collective::reduce(list, list, Op::sum, 0), Collective::allreduce(list, Op::sum)},
                {Collective::barrier(), Collective::allreduce(list, Op::sum)},
            };
            for (const auto& [common, other] : odd)
                for (int who = 0; who < 3; ++who) try {
                        self.world.run(self.rank == who ? other : common);
                        CHECK_MESSAGE(false, "ranks that disagree got a result");
                    } catch (const Error& error) {
                        CAPTURE(std::string(error.what()));
                        CHECK(error.code == ErrorCode::mismatch);
                    }
            CHECK(std::count(data, data + 12 * count, 7) == std::ptrdiff_t(12 * count));
            self.world.barrier();
        });
}
