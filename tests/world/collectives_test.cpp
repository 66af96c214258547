// SPDX-License-Identifier: Apache-2.0
// Collective operations of a communicator whose members are on several hosts: their results.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/collective_checks.hpp"
#include "tests/support/every_collective.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;
using Kind = Collective::Kind;

namespace {

template <typename T>
void check_every_op(HostRank& self, Dtype dtype) {
    const int size = self.world.size();
    constexpr std::size_t count = 300;
    for (int number = 0; number <= static_cast<int>(Op::bxor); ++number) {
        const auto op = static_cast<Op>(number);
        if (!is_defined(op, dtype)) continue;
        // Small enough for any dtype, and for products: 1 and 2; zeros for what is logical.
        const auto item = [&](int rank, std::size_t i) {
            const bool is_two = rank == static_cast<int>(i % index(size));
            return static_cast<T>(is_logical(op) ? is_two : 1 + is_two);
        };
        for (const std::size_t copies : {std::size_t{1}, std::size_t{40}}) {
            std::vector<T> items(count * copies), expected(items.size());
            std::vector<std::vector<T>> all(index(size), std::vector<T>(items.size()));
            std::vector<const std::byte*> sources;
            for (int rank = 0; rank < size; ++rank) {
                for (std::size_t i = 0; i < items.size(); ++i) all[index(rank)][i] = item(rank, i);
                sources.push_back(reinterpret_cast<const std::byte*>(all[index(rank)].data()));
            }
            auto* const to = reinterpret_cast<std::byte*>(expected.data());
            reduce(op, dtype, sources, {&to, 1}, items.size());
            items = all[index(self.rank)];
            const Part part{items.data(), items.size(), dtype};
            run(self, Collective::allreduce({&part, 1}, op));
            CHECK_MESSAGE(items == expected, name_of(op), " of ", name_of(dtype));
            std::vector<T> mine = all[index(self.rank)], result(mine.size());
            const Part from{mine.data(), mine.size(), dtype};
            const Part room{result.data(), result.size(), dtype};
            run(self, Collective::reduce({&from, 1}, {&room, 1}, op, size - 1));
            if (self.rank == size - 1) CHECK(result == expected);
            CHECK(mine == all[index(self.rank)]);
        }
    }
}

}  // namespace

TEST_CASE("hosts: a barrier ends when all have come to it") {
    for (const HostsOptions& options : worlds()) {
        std::atomic<int> came = 0;
        run_hosts(options, [&](HostRank& self) {
            for (int round = 1; round <= 20; ++round) {
                came.fetch_add(1);
                self.world.barrier(soon());
                CHECK(came.load() >= round * self.world.size());
                self.world.barrier(soon());
            }
        });
    }
}

TEST_CASE("hosts: allreduce gives the sum to all, of any count") {
    run_everywhere([](HostRank& self) {
        for (const std::size_t count : counts()) {
            auto items = values(self.rank, count);
            const Part part = part_of(items);
            run(self, Collective::allreduce({&part, 1}, Op::sum));
            CHECK(items == sums(self.world.size(), count));
        }
    });
}

TEST_CASE("hosts: allreduce and reduce combine every dtype by every operator") {
    run_hosts({.ranks_on = {2, 1, 2}, .cyclic = true}, [](HostRank& self) {
        check_every_op<std::uint8_t>(self, Dtype::u8);
        check_every_op<std::int8_t>(self, Dtype::i8);
        check_every_op<std::int16_t>(self, Dtype::i16);
        check_every_op<std::int32_t>(self, Dtype::i32);
        check_every_op<std::int64_t>(self, Dtype::i64);
        check_every_op<float>(self, Dtype::f32);
        check_every_op<double>(self, Dtype::f64);
    });
}

TEST_CASE("hosts: allreduce of halves adds them up") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        for (const auto& [dtype, one, four] :
             {std::tuple(Dtype::f16, 0x3c00, 0x4400), std::tuple(Dtype::bf16, 0x3f80, 0x4080)})
            for (const std::size_t count : {5, 20'000}) {
                std::vector<std::uint16_t> items(count, static_cast<std::uint16_t>(one));
                const Part part{items.data(), count, dtype};
                run(self, Collective::allreduce({&part, 1}, Op::sum));
                CHECK(items == std::vector<std::uint16_t>(count, static_cast<std::uint16_t>(four)));
            }
    });
}

TEST_CASE("hosts: all members hold the same bits after an allreduce of floats") {
    for (const std::size_t count : {100, 50'000}) {
        std::mutex mutex;
        std::vector<std::vector<float>> results;
        run_hosts({.ranks_on = {1, 3, 2}}, [&](HostRank& self) {
            std::vector<float> items(count);
            for (std::size_t i = 0; i < count; ++i)
                items[i] = 1.0f / static_cast<float>(1 + self.rank * 31 + static_cast<int>(i));
            const Part part{items.data(), count, Dtype::f32};
            run(self, Collective::allreduce({&part, 1}, Op::avg));
            const std::lock_guard lock(mutex);
            results.push_back(items);
        });
        for (const auto& result : results)
            CHECK(std::memcmp(result.data(), results[0].data(), count * sizeof(float)) == 0);
    }
}

TEST_CASE("hosts: allreduce takes several parts, strided ones among them, of several dtypes") {
    run_everywhere([](HostRank& self) {
        for (const std::size_t count : {std::size_t{3}, std::size_t{60'000}}) {
            std::vector<std::int32_t> wide(2 * count, -5);
            for (std::size_t i = 0; i < count; ++i) wide[2 * i] = value(self.rank, i);
            std::vector<double> more(count, 0.5);
            const std::int64_t sizes[] = {static_cast<std::int64_t>(count)}, strides[] = {2};
            const Part parts[] = {{wide.data(), count, Dtype::i32, sizes, strides},
                                  {nullptr, 0, Dtype::u8},
                                  {more.data(), count, Dtype::f64}};
            run(self, Collective::allreduce(parts, Op::sum));
            const auto expected = sums(self.world.size(), count);
            bool is_right = true;
            for (std::size_t i = 0; i < count; ++i)
                is_right = is_right && wide[2 * i] == expected[i] && wide[2 * i + 1] == -5;
            CHECK(is_right);
            CHECK(more == std::vector<double>(count, 0.5 * self.world.size()));
        }
    });
}

TEST_CASE("hosts: broadcast copies the parts of any root") {
    run_everywhere([](HostRank& self) {
        for (const std::size_t count : counts())
            for (int root = 0; root < self.world.size(); ++root) {
                auto items = values(self.rank, count);
                std::vector<std::int32_t> second(count / 2, self.rank);
                const Part parts[] = {part_of(items), part_of(second)};
                run(self, Collective::broadcast(parts, root));
                CHECK(items == values(root, count));
                CHECK(second == std::vector<std::int32_t>(count / 2, root));
            }
    });
}

TEST_CASE("hosts: a broadcast of many pieces comes whole over several hosts") {
    run_hosts({.ranks_on = {1, 2, 1, 1, 1}}, [](HostRank& self) {
        constexpr std::size_t count = 3'000'001;
        auto items = values(self.rank, count);
        const Part part = part_of(items);
        run(self, Collective::broadcast({&part, 1}, 2));
        CHECK(items == values(2, count));
    });
}

TEST_CASE("hosts: reduce gives the sum to any root, in place or not, and leaves the others alone") {
    run_everywhere([](HostRank& self) {
        for (const std::size_t count : {std::size_t{0}, std::size_t{9}, std::size_t{700'001}})
            for (const int root : {0, self.world.size() - 1}) {
                auto items = values(self.rank, count);
                std::vector<std::int32_t> result(self.rank == root ? count : 0);
                const Part from = part_of(items), to = part_of(result);
                const auto room = self.rank == root ? std::span(&to, 1) : std::span<const Part>();
                run(self, Collective::reduce({&from, 1}, room, Op::sum, root));
                CHECK(items == values(self.rank, count));
                if (self.rank == root) CHECK(result == sums(self.world.size(), count));
                run(self, Collective::reduce({&from, 1}, {&from, 1}, Op::sum, root));
                CHECK(items == (self.rank == root ? sums(self.world.size(), count)
                                                  : values(self.rank, count)));
            }
    });
}

TEST_CASE("hosts: reduce_scatter gives each member its block of the sum") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (const std::size_t count : {0, 1, 7, 1000, 30'003}) {
            auto items = values(self.rank, count * index(size));
            std::vector<std::int32_t> result(count);
            run(self, Collective::reduce_scatter(part_of(items), part_of(result), Op::sum));
            CHECK(result == sums(size, count, count * index(self.rank)));
            const auto blocks = varying(size, count);
            auto more = values(self.rank, start_of(blocks, size));
            std::vector<std::int32_t> own(blocks[index(self.rank)]);
            run(self, Collective::reduce_scatterv(part_of(more), part_of(own), Op::sum));
            CHECK(own == sums(size, own.size(), start_of(blocks, self.rank)));
        }
    });
}

TEST_CASE("hosts: an average is the same through allreduce, reduce and reduce_scatter") {
    run_hosts({.ranks_on = {2, 3}, .cyclic = true}, [](HostRank& self) {
        const int size = self.world.size();
        std::vector<double> items(index(size), self.rank), one(1), own(1);
        const Part part{items.data(), items.size(), Dtype::f64};
        run(self, Collective::reduce_scatter(part, {own.data(), 1, Dtype::f64}, Op::avg));
        CHECK(own[0] == 2.0);
        run(self, Collective::allreduce({&part, 1}, Op::avg));
        CHECK(items == std::vector<double>(index(size), 2.0));
    });
}

TEST_CASE("hosts: allgather puts all side by side, in place too") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (const std::size_t count : counts()) {
            std::vector<std::int32_t> expected;
            for (int rank = 0; rank < size; ++rank)
                for (const auto item : values(rank, count)) expected.push_back(item);
            auto items = values(self.rank, count);
            std::vector<std::int32_t> all(count * index(size));
            run(self, Collective::allgather(part_of(items), part_of(all)));
            CHECK(all == expected);
            std::fill(all.begin(), all.end(), 0);
            const std::span own = std::span(all).subspan(count * index(self.rank), count);
            std::copy(items.begin(), items.end(), own.begin());
            run(self, Collective::allgather({own.data(), count, Dtype::i32}, part_of(all)));
            CHECK(all == expected);
        }
    });
}

TEST_CASE("hosts: allgatherv takes blocks of different lengths, also none") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (const std::size_t count : counts()) {
            const auto blocks = varying(size, count);
            std::vector<std::int32_t> expected;
            for (int rank = 0; rank < size; ++rank)
                for (const auto item : values(rank, blocks[index(rank)])) expected.push_back(item);
            auto items = values(self.rank, blocks[index(self.rank)]);
            std::vector<std::int32_t> all(expected.size());
            run(self, Collective::allgatherv(part_of(items), part_of(all)));
            CHECK(all == expected);
        }
    });
}

TEST_CASE("hosts: gather and scatter are each other's reverse, for any root") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (const std::size_t count : {0, 1, 1000, 40'001})
            for (const bool varies : {false, true})
                for (const int root : {0, size / 2, size - 1}) {
                    const auto blocks = varies ? varying(size, count)
                                               : std::vector<std::size_t>(index(size), count);
                    std::vector<std::int32_t> expected;
                    for (int rank = 0; rank < size; ++rank)
                        for (const auto item : values(rank, blocks[index(rank)]))
                            expected.push_back(item);
                    const std::size_t own = blocks[index(self.rank)];
                    auto items = values(self.rank, own);
                    std::vector<std::int32_t> all(self.rank == root ? expected.size() : 0);
                    const Part one = part_of(items), whole = part_of(all);
                    Collective collective = Collective::gather(one, whole, root);
                    collective.varying = varies;
                    run(self, collective);
                    if (self.rank == root) CHECK(all == expected);
                    std::fill(items.begin(), items.end(), 0);
                    collective = Collective::scatter(whole, one, root);
                    collective.varying = varies;
                    run(self, collective);
                    CHECK(items == values(self.rank, own));
                }
    });
}

TEST_CASE("hosts: alltoall gives each member what each has for it") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (const std::size_t count : {0, 1, 7, 1000, 20'003})
            for (const bool varies : {false, true}) {
                // Of one for another: more for who is further up; nothing from 1 for 0.
                const auto length = [&](int giver, int taker) {
                    if (!varies) return count;
                    return giver == 1 && taker == 0 ? 0 : count + 2 * index(giver) + index(taker);
                };
                std::vector<std::size_t> out_counts, in_counts;
                std::vector<std::int32_t> out, expected;
                for (int other = 0; other < size; ++other) {
                    out_counts.push_back(length(self.rank, other));
                    in_counts.push_back(length(other, self.rank));
                    for (std::size_t i = 0; i < out_counts.back(); ++i)
                        out.push_back(self.rank * 100 + other);
                    for (std::size_t i = 0; i < in_counts.back(); ++i)
                        expected.push_back(other * 100 + self.rank);
                }
                std::vector<std::int32_t> in(expected.size());
                run(self,
                    varies ? Collective::alltoallv(part_of(out), out_counts, part_of(in), in_counts)
                           : Collective::alltoall(part_of(out), part_of(in)));
                CHECK(in == expected);
            }
    });
}

TEST_CASE("hosts: every kind works on any memory and touches nothing beside it") {
    run_hosts({.ranks_on = {2, 1, 2}, .cyclic = true}, [](HostRank& self) {
        for (const std::size_t count : {5, 12'345})
            for (test::Form form : test::all_forms(count))
                for (const auto memory :
                     {test::Memory::heap, test::Memory::strided, test::Memory::outside}) {
                    form.memory = memory;
                    test::Exercise exercise(*self.heap, form, self.rank, self.world.size());
                    for (const int root : {0, 3}) run(self, exercise.collective(root));
                    CHECK_MESSAGE(exercise.is_all_one(), test::name_of(form));
                    CHECK_MESSAGE(exercise.is_intact(), test::name_of(form));
                }
    });
}

TEST_CASE("hosts: operations leave nothing in the heap") {
    run_hosts({.ranks_on = {2, 2}, .arena_bytes = 64 << 20}, [](HostRank& self) {
        test::Exercise exercise(*self.heap, {Kind::alltoall, true, 100'000}, self.rank, 4);
        test::Exercise second(*self.heap, {Kind::reduce_scatter, true, 100'000}, self.rank, 4);
        // What is kept of all rounds would not leave room for this one.
        for (int round = 0; round < 40; ++round) {
            run(self, exercise.collective(0));
            run(self, second.collective(0));
        }
        void* const rest = self.heap->allocate(32 << 20);
        CHECK(rest != nullptr);
        self.heap->deallocate(rest);
    });
}

}  // namespace ipcrun
