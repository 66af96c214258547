// SPDX-License-Identifier: Apache-2.0
// Proves that the allreduce over hosts gives what it should, the same on all members, whatever they
// combine and wherever they are.
#include "runtime/world/host_allreduce.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "tests/runtime/reduce_reference.hpp"
#include "tests/support/run_hosts.hpp"

namespace ipcrun {

namespace {

using test::HostRank;
using test::HostsOptions;
using test::run_hosts;

// One rank's, with messages of its own.
struct Rank {
    explicit Rank(HostRank& self, bool is_exact = false)
        : layout(self.wires->table(), all(self.world.size()), self.rank),
          node(self.world.impl().node()),
          steps(*self.wires, layout, node, 0x7fff0000),
          allreduce(steps, node, is_exact) {}

    static std::vector<int> all(int size) {
        std::vector<int> ranks(static_cast<std::size_t>(size));
        std::iota(ranks.begin(), ranks.end(), 0);
        return ranks;
    }
    void run(std::span<const Part> parts, Op op) {
        steps.begin(Deadline::after(Seconds(120)));
        allreduce.run(parts, op, 1000, {});
    }

    HostLayout layout;
    NodeCommunicator& node;
    HostSteps steps;
    HostAllreduce allreduce;
};

// Small whole numbers: sums and products of them are exact in any order, for all dtypes.
template <typename T>
T value_of(int rank, std::size_t i, int kind) {
    const auto mixed = static_cast<std::size_t>(rank) * 7 + i * 3 + i / 5;
    return static_cast<T>(kind == 0 ? mixed % 5 : 1 + mixed % 2);
}

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

const std::vector<HostsOptions>& shapes() {
    static const std::vector<HostsOptions> all = {{.ranks_on = {1, 1}},
                                                  {.ranks_on = {2, 2}},
                                                  {.ranks_on = {1, 3, 4, 2}},
                                                  {.ranks_on = {1, 3, 4, 2}, .cyclic = true},
                                                  {.ranks_on = {4, 4, 4, 4}}};
    return all;
}

template <typename T>
void check_all(Rank& rank, HostRank& self, Dtype dtype, std::size_t count, Op op) {
    const int kind = op == Op::prod ? 1 : 0;
    std::vector<T> items(count);
    for (std::size_t i = 0; i < count; ++i) items[i] = value_of<T>(self.rank, i, kind);
    const Part part{items.data(), count, dtype};
    rank.run({&part, 1}, op);
    std::size_t wrong = 0;
    std::vector<T> column(index(self.world.size()));
    for (std::size_t i = 0; i < count; ++i) {
        for (int other = 0; other < self.world.size(); ++other)
            column[index(other)] = value_of<T>(other, i, kind);
        wrong += items[i] != test::expected(op, column) ? 1 : 0;
    }
    INFO(name_of(op) << " of " << count << " " << name_of(dtype));
    CHECK(wrong == 0);
}

// In the shared heap where `heap` is not null.
struct Floats {
    Floats(const std::shared_ptr<Heap>& heap, std::size_t count)
        : storage(Storage::create(heap, Dtype::f32, count)),
          data(reinterpret_cast<float*>(storage->data())) {}
    StoragePtr storage;
    float* data;
};

// Sums of these depend on the order.
void fill(float* data, std::size_t count, int rank) {
    std::minstd_rand random(static_cast<unsigned>(rank) + 1);
    for (std::size_t i = 0; i < count; ++i) {
        const auto bits = static_cast<float>(random() % 100'003);
        data[i] = bits * (i % 3 == 0 ? 1e-6F : 1.0F / 7);
    }
}

// What rank 0 holds after an exact allreduce; all others hold the same.
std::vector<float> exact_result(const HostsOptions& options, std::size_t count, Op op) {
    std::vector<float> result;
    std::mutex mutex;
    run_hosts(options, [&](HostRank& self) {
        Floats floats(self.heap, count);
        fill(floats.data, count, self.rank);
        const Part part{floats.data, count, Dtype::f32};
        const bool is_one_host = options.ranks_on.size() == 1;
        if (is_one_host) {
            self.world.impl().node().run(Collective::allreduce({&part, 1}, op),
                                         Deadline::after(Seconds(60)), {});
        } else {
            Rank rank(self, true);
            rank.run({&part, 1}, op);
            rank.node.run(Collective::barrier(), Deadline::after(Seconds(60)), {});
        }
        const std::lock_guard lock(mutex);
        if (result.empty())
            result.assign(floats.data, floats.data + count);
        else
            CHECK(std::memcmp(result.data(), floats.data, count * sizeof(float)) == 0);
    });
    return result;
}

}  // namespace

TEST_CASE("host allreduce: all dtypes are combined by all operators over hosts of any sizes") {
    for (const HostsOptions& options : shapes())
        run_hosts(options, [](HostRank& self) {
            Rank rank(self);
            for (const std::size_t count : {1, 700, 30'001})
                for (int number = 0; number <= static_cast<int>(Op::bxor); ++number) {
                    const auto op = static_cast<Op>(number);
                    check_all<std::uint8_t>(rank, self, Dtype::u8, count, op);
                    check_all<std::int16_t>(rank, self, Dtype::i16, count, op);
                    check_all<std::int64_t>(rank, self, Dtype::i64, count, op);
                    if (!is_defined(op, Dtype::f32)) continue;
                    if (op == Op::avg) continue;  // of floats: below
                    check_all<float>(rank, self, Dtype::f32, count, op);
                    check_all<double>(rank, self, Dtype::f64, count, op);
                }
        });
}

TEST_CASE("host allreduce: all members hold the same bits, the same again, and close to the sum") {
    for (const HostsOptions& options : shapes())
        for (const std::size_t count : {1u, 5'003u, 100'003u, 1'000'000u}) {
            std::vector<float> first;
            std::mutex mutex;
            run_hosts(options, [&](HostRank& self) {
                Rank rank(self);
                const int size = self.world.size();
                std::vector<double> sum(count);
                std::vector<float> mine(count);
                for (int other = 0; other < size; ++other) {
                    fill(mine.data(), count, other);
                    for (std::size_t i = 0; i < count; ++i) sum[i] += double{mine[i]};
                }
                for (int turn = 0; turn < 2; ++turn) {
                    Floats floats(self.heap, count);
                    fill(floats.data, count, self.rank);
                    const Part part{floats.data, count, Dtype::f32};
                    rank.run({&part, 1}, Op::avg);
                    std::size_t wrong = 0;
                    for (std::size_t i = 0; i < count; ++i) {
                        const double off = std::abs(double{floats.data[i]} - sum[i] / size);
                        wrong += off > 1e-5 * sum[i] ? 1 : 0;
                    }
                    CHECK(wrong == 0);
                    const std::lock_guard lock(mutex);
                    if (first.empty()) first.assign(floats.data, floats.data + count);
                    CHECK(std::memcmp(first.data(), floats.data, count * sizeof(float)) == 0);
                }
            });
        }
}

TEST_CASE("host allreduce: 16-bit floats are combined") {
    run_hosts({.ranks_on = {1, 3, 2}}, [](HostRank& self) {
        Rank rank(self);
        using F16 = test::Half<10>;
        using B16 = test::Half<7>;
        for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
            const bool is_f16 = dtype == Dtype::f16;
            std::vector<std::uint16_t> items(50'001);
            for (std::size_t i = 0; i < items.size(); ++i) {
                const auto value = static_cast<float>(index(self.rank) + i % 7);
                items[i] = is_f16 ? F16::encode(value) : B16::encode(value);
            }
            const Part part{items.data(), items.size(), dtype};
            rank.run({&part, 1}, Op::sum);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < items.size(); ++i) {
                const auto expected = static_cast<float>(15 + 6 * (i % 7));
                wrong += (is_f16 ? F16::decode(items[i]) : B16::decode(items[i])) != expected;
            }
            CHECK(wrong == 0);
        }
    });
}

TEST_CASE("host allreduce: many parts, in and out of the heap, of several dtypes, are summed") {
    run_hosts({.ranks_on = {3, 1, 2}}, [](HostRank& self) {
        Rank rank(self);
        std::vector<std::vector<std::int64_t>> longs;
        std::vector<Floats> floats;
        std::vector<Part> parts;
        const std::vector<std::size_t> counts = {1, 0, 17, 5'000, 3, 300'001, 20, 40'000, 9};
        for (const std::size_t count : counts) {
            auto& item = longs.emplace_back(count);
            for (std::size_t i = 0; i < count; ++i)
                item[i] = value_of<std::int64_t>(self.rank, i, 0);
            auto& other = floats.emplace_back(self.heap, count);
            for (std::size_t i = 0; i < count; ++i)
                other.data[i] = value_of<float>(self.rank, i + 1, 0);
        }
        for (std::size_t k = 0; k < counts.size(); ++k) {
            parts.push_back({longs[k].data(), counts[k], Dtype::i64});
            parts.push_back({floats[k].data, counts[k], Dtype::f32});
        }
        rank.run(parts, Op::sum);
        std::size_t wrong = 0;
        for (std::size_t k = 0; k < counts.size(); ++k)
            for (std::size_t i = 0; i < counts[k]; ++i) {
                std::int64_t sum = 0, next = 0;
                for (int other = 0; other < 6; ++other) {
                    sum += value_of<std::int64_t>(other, i, 0);
                    next += value_of<std::int64_t>(other, i + 1, 0);
                }
                wrong += longs[k][i] != sum || floats[k].data[i] != static_cast<float>(next);
            }
        CHECK(wrong == 0);
    });
}

TEST_CASE("host allreduce: strides may differ from member to member") {
    run_hosts({.ranks_on = {2, 3}}, [](HostRank& self) {
        Rank rank(self);
        for (const std::size_t rows : {3u, 1'000u}) {
            const std::size_t columns = 501, count = rows * columns;
            const bool is_turned = self.rank % 2 == 1;
            const std::vector<std::int64_t> sizes = {static_cast<std::int64_t>(rows),
                                                     static_cast<std::int64_t>(columns)};
            const std::vector<std::int64_t> strides = {1, static_cast<std::int64_t>(rows) + 2};
            std::vector<std::int32_t> items((rows + 2) * columns, -5);
            const auto place = [&](std::size_t i) {
                return is_turned ? i / columns + i % columns * (rows + 2) : i;
            };
            for (std::size_t i = 0; i < count; ++i)
                items[place(i)] = value_of<std::int32_t>(self.rank, i, 0);
            Part part{items.data(), count, Dtype::i32};
            if (is_turned) {
                part.sizes = sizes;
                part.strides = strides;
            }
            rank.run({&part, 1}, Op::max);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < count; ++i) {
                std::int32_t most = 0;
                for (int other = 0; other < 5; ++other)
                    most = std::max(most, value_of<std::int32_t>(other, i, 0));
                wrong += items[place(i)] != most;
            }
            CHECK(wrong == 0);
            if (is_turned) CHECK(items[rows] == -5);
        }
    });
}

TEST_CASE("host allreduce: exact results do not depend on who is where, to the bit") {
    for (const std::size_t count : {1u, 1'001u, 700'001u})
        for (const Op op : {Op::sum, Op::avg}) {
            const auto expected = exact_result({.ranks_on = {4}}, count, op);
            for (const HostsOptions& options :
                 {HostsOptions{.ranks_on = {2, 2}}, HostsOptions{.ranks_on = {1, 3}},
                  HostsOptions{.ranks_on = {2, 2}, .cyclic = true},
                  HostsOptions{.ranks_on = {1, 1, 2}}})
                CHECK(std::memcmp(exact_result(options, count, op).data(), expected.data(),
                                  count * sizeof(float)) == 0);
        }
}

}  // namespace ipcrun
