// SPDX-License-Identifier: Apache-2.0
// Proves the values and the canonical order of reductions against plain loops, for every dtype.
#include "runtime/reduce.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "runtime/cpu_features.hpp"
#include "runtime/reduce_targets.hpp"
#include "tests/runtime/reduce_reference.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr Op all_ops[] = {Op::sum, Op::prod, Op::min,  Op::max, Op::avg, Op::land,
                          Op::lor, Op::lxor, Op::band, Op::bor, Op::bxor};
constexpr std::size_t counts[] = {0, 1, 63, 64, 65, 1000};
constexpr std::size_t count_max = 1000;
constexpr int ranks_tried[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 33, 64};
constexpr std::size_t ranks_max = 64;

// Ordinary elements, of sizes that make rounding matter, and among them zeros and any bits at all:
// subnormal and infinite numbers, and NaNs.
template <typename Form>
typename Form::Bits random_element(std::mt19937& random) {
    using Value = typename Form::Value;
    const auto kind = random() % 32;
    if (kind == 0) return Form::encode(0);
    if (kind == 1) return Form::encode(static_cast<Value>(-Value{0}));
    if (kind == 2 && std::is_floating_point_v<Value>)
        return Form::encode(std::numeric_limits<Value>::quiet_NaN());
    if (kind > 3 && std::is_floating_point_v<Value>)
        return Form::encode(static_cast<Value>(
            std::ldexp(random() % 20001 - 10000.0, static_cast<int>(random() % 24) - 22)));
    const std::uint64_t any = std::uint64_t{random()} << 32 | random();
    typename Form::Bits bits;
    std::memcpy(&bits, &any, sizeof bits);
    return bits;
}

// Makes all NaNs alike: which of several comes out is left open.
template <typename Form>
void forget_which_nan(std::byte* data, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        typename Form::Bits bits;
        std::memcpy(&bits, data + i * sizeof bits, sizeof bits);
        if (Form::is_nan(bits)) std::memset(data + i * sizeof bits, 0xff, sizeof bits);
    }
}

struct Way {
    bool misaligned, one_destination, pieces;
};

// Where runs of elements lie, with room around them that must stay as it is.
class Memory {
  public:
    Memory(std::size_t runs, std::size_t run_bytes, bool misaligned)
        : run_bytes_(run_bytes),
          misaligned_(misaligned),
          bytes_(64 + runs * slot_bytes(), std::byte{0xa5}) {}

    std::byte* at(std::size_t run) {
        const std::size_t shift = misaligned_ ? 1 + (run + 2) % 7 : 0;
        const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
        return bytes_.data() + (64 - address % 64) + run * slot_bytes() + 64 + shift;
    }
    bool is_untouched_around(std::size_t run) {
        const auto is_mark = [](std::byte byte) { return byte == std::byte{0xa5}; };
        std::byte* const end = at(run) + run_bytes_;
        return std::all_of(at(run) - 32, at(run), is_mark) && std::all_of(end, end + 32, is_mark);
    }

  private:
    std::size_t slot_bytes() const { return 192 + run_bytes_ / 64 * 64; }

    std::size_t run_bytes_;
    bool misaligned_;
    std::vector<std::byte> bytes_;
};

// Every compilation that this CPU can run, in turn.
template <typename F>
void for_every_target(F run) {
    for (const ReduceTarget& target : reduce_targets()) {
        if (!runs(target, cpu_has)) continue;
        CAPTURE(target.features);
        run(target.reduce);
    }
}

using Bytes = std::vector<std::byte>;

// Reduces the first `count` elements of `inputs` in `way`; whether all came out as `expected`.
template <typename Form>
bool holds(Reduce* reduce, Op op, Dtype dtype, Way way, std::span<const Bytes> inputs,
           const Bytes& expected, std::size_t count, std::mt19937& random) {
    const std::size_t bytes = count * size_of(dtype);
    Memory memory(inputs.size() + 1, bytes, way.misaligned);
    std::vector<const std::byte*> sources;
    std::vector<std::byte*> destinations;
    for (std::size_t rank = 0; rank < inputs.size(); ++rank) {
        std::copy_n(inputs[rank].data(), bytes, memory.at(rank));
        sources.push_back(memory.at(rank));
    }
    const std::size_t first = way.one_destination ? inputs.size() : 0;
    const std::size_t last = way.one_destination ? first : inputs.size() - 1;
    for (std::size_t rank = first; rank <= last; ++rank) destinations.push_back(memory.at(rank));

    for (std::size_t done = 0; done < std::max<std::size_t>(count, 1);) {
        const std::size_t most = count - done;
        const std::size_t now = way.pieces && most > 0 ? 1 + random() % most : most;
        reduce(op, dtype, sources, destinations, now, most - now);
        for (auto& source : sources) source += now * size_of(dtype);
        for (auto& destination : destinations) destination += now * size_of(dtype);
        done += std::max<std::size_t>(now, 1);
    }
    for (std::size_t rank = first; rank <= last; ++rank) {
        forget_which_nan<Form>(memory.at(rank), count);
        if (!std::equal(memory.at(rank), memory.at(rank) + bytes, expected.data())) return false;
        if (!memory.is_untouched_around(rank)) return false;
    }
    return true;
}

template <typename Form>
Bytes expected_of(Op op, std::span<const Bytes> inputs) {
    using Bits = typename Form::Bits;
    Bytes results(count_max * sizeof(Bits));
    std::vector<typename Form::Value> column(inputs.size());
    for (std::size_t i = 0; i < count_max; ++i) {
        Bits bits;
        for (std::size_t rank = 0; rank < inputs.size(); ++rank) {
            std::memcpy(&bits, inputs[rank].data() + i * sizeof bits, sizeof bits);
            column[rank] = Form::decode(bits);
        }
        bits = Form::encode(expected(op, column));
        std::memcpy(results.data() + i * sizeof bits, &bits, sizeof bits);
    }
    forget_which_nan<Form>(results.data(), count_max);
    return results;
}

// All operators, numbers of ranks and counts, wherever and in whatever pieces.
template <typename Form>
void check_all(Dtype dtype) {
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    std::vector<Bytes> inputs(ranks_max);
    for (Bytes& input : inputs)
        for (std::size_t i = 0; i < count_max; ++i) {
            const auto bits = random_element<Form>(random);
            const auto* bytes = reinterpret_cast<const std::byte*>(&bits);
            input.insert(input.end(), bytes, bytes + sizeof bits);
        }
    for (const Op op : all_ops)
        for (const int ranks : ranks_tried) {
            if (!is_defined(op, dtype)) continue;
            const auto some = std::span<const Bytes>(inputs).first(ranks);
            const Bytes expected = expected_of<Form>(op, some);
            for_every_target([&](Reduce* reduce) {
                for (int way = 0; way < 8; ++way)
                    for (const std::size_t count : counts) {
                        const Way told{(way & 1) != 0, (way & 2) != 0, (way & 4) != 0};
                        if (holds<Form>(reduce, op, dtype, told, some, expected, count, random))
                            continue;
                        CAPTURE(seed);
                        CAPTURE(name_of(dtype));
                        CAPTURE(name_of(op));
                        CAPTURE(ranks);
                        CAPTURE(count);
                        CAPTURE(told.misaligned);
                        CAPTURE(told.one_destination);
                        CAPTURE(told.pieces);
                        FAIL_CHECK("other bits than expected");
                    }
            });
        }
}

template <typename T>
std::vector<std::vector<T>> reduce_in_place(Op op, Dtype dtype, std::vector<std::vector<T>> data) {
    std::vector<std::byte*> pointers;
    for (auto& input : data) pointers.push_back(reinterpret_cast<std::byte*>(input.data()));
    reduce(op, dtype, std::vector<const std::byte*>(pointers.begin(), pointers.end()), pointers,
           data[0].size());
    return data;
}

}  // namespace

TEST_CASE("reduce: integers give what wide arithmetic gives, wrapped, anywhere and in any pieces") {
    check_all<Same<std::uint8_t>>(Dtype::u8);
    check_all<Same<std::int8_t>>(Dtype::i8);
    check_all<Same<std::int16_t>>(Dtype::i16);
    check_all<Same<std::int32_t>>(Dtype::i32);
    check_all<Same<std::int64_t>>(Dtype::i64);
}

TEST_CASE("reduce: floats follow the canonical tree, bit by bit, anywhere and in any pieces") {
    check_all<Same<float>>(Dtype::f32);
    check_all<Same<double>>(Dtype::f64);
}

TEST_CASE("reduce: 16-bit floats follow the tree of f32, rounded once, anywhere, in any pieces") {
    check_all<Half<10>>(Dtype::f16);
    check_all<Half<7>>(Dtype::bf16);
}

TEST_CASE("reduce: min and max give NaN when any element is NaN") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (int ranks = 2; ranks <= 9; ++ranks)
        for (int who = 0; who < ranks; ++who)
            for (const Op op : {Op::min, Op::max}) {
                CAPTURE(ranks);
                CAPTURE(who);
                std::vector<std::vector<float>> inputs(ranks, std::vector<float>(33, 1.0f));
                inputs[who][7] = nan;
                const auto results = reduce_in_place(op, Dtype::f32, inputs);
                CHECK(std::isnan(results[0][7]));
                CHECK(results[0][8] == 1.0f);
            }
}

TEST_CASE("reduce: averages divide once, and truncate for integers") {
    const auto floats = reduce_in_place<float>(Op::avg, Dtype::f32, {{1, 2}, {2, 2}, {4, 2}});
    CHECK(floats[1][0] == 7.0f / 3.0f);
    CHECK(floats[2][1] == 2.0f);
    const auto integers = reduce_in_place<std::int32_t>(Op::avg, Dtype::i32, {{-3, 3}, {-4, 4}});
    CHECK(integers[0] == std::vector<std::int32_t>{-3, 3});
}

TEST_CASE("reduce: bf16 is combined in f32 and rounded once, to the nearest even") {
    const auto bf16 = [](float value) {
        return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
    };
    // 256 + 1 + 1 = 258: adding one by one in bf16 would stay at 256.
    const auto sums =
        reduce_in_place<std::uint16_t>(Op::sum, Dtype::bf16, {{bf16(256)}, {bf16(1)}, {bf16(1)}});
    CHECK(sums[2][0] == bf16(258));
    // 257 lies between 256 and 258: the even one is 256.
    const auto tie = reduce_in_place<std::uint16_t>(Op::sum, Dtype::bf16, {{bf16(256)}, {bf16(1)}});
    CHECK(tie[0][0] == bf16(256));
    const std::uint16_t nan = 0x7fc0;
    const auto nans = reduce_in_place<std::uint16_t>(Op::sum, Dtype::bf16, {{nan}, {bf16(1)}});
    CHECK((nans[0][0] & 0x7fff) > 0x7f80);
}

TEST_CASE("reduce: f16 is combined in f32 and rounded once") {
    constexpr std::uint16_t one = 0x3c00, two_thousand_48 = 0x6800;
    // 2048 + 1 + 1 = 2050; one by one in f16 it would stay at 2048.
    const auto sums =
        reduce_in_place<std::uint16_t>(Op::sum, Dtype::f16, {{two_thousand_48}, {one}, {one}});
    CHECK(sums[0][0] == 0x6801);
}

TEST_CASE("reduce: logical operators give 1 or 0, and take NaN for true and both zeros for false") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<std::vector<float>> inputs = {{nan, -0.0f, 5, 0, 2}, {3, 0.5f, 0, -0.0f, 2}};
    CHECK(reduce_in_place(Op::land, Dtype::f32, inputs)[1] == std::vector<float>{1, 0, 0, 0, 1});
    CHECK(reduce_in_place(Op::lor, Dtype::f32, inputs)[0] == std::vector<float>{1, 1, 1, 0, 1});
    CHECK(reduce_in_place(Op::lxor, Dtype::f32, inputs)[1] == std::vector<float>{0, 1, 1, 0, 0});
    const std::vector<std::vector<std::uint8_t>> alone = {{7, 0}};
    for (const Op op : {Op::land, Op::lor, Op::lxor})
        CHECK(reduce_in_place(op, Dtype::u8, alone)[0] == std::vector<std::uint8_t>{1, 0});
}

TEST_CASE("reduce: destinations may be some of the sources, and the others stay as they are") {
    std::vector<std::vector<std::int32_t>> data(5, std::vector<std::int32_t>(700));
    std::vector<const std::byte*> sources;
    for (std::size_t rank = 0; rank < data.size(); ++rank) {
        std::ranges::fill(data[rank], 1 << rank);
        sources.push_back(reinterpret_cast<const std::byte*>(data[rank].data()));
    }
    std::byte* const destinations[] = {reinterpret_cast<std::byte*>(data[4].data()),
                                       reinterpret_cast<std::byte*>(data[1].data())};
    reduce(Op::sum, Dtype::i32, sources, destinations, 700);
    for (std::size_t rank = 0; rank < data.size(); ++rank)
        CHECK(data[rank] ==
              std::vector<std::int32_t>(700, rank == 1 || rank == 4 ? 31 : 1 << rank));
}

TEST_CASE("reduce: bitwise operators are defined of integers alone, all others of every dtype") {
    for (int dtype = 0; dtype < dtype_count; ++dtype)
        for (const Op op : all_ops) {
            const bool bitwise = name_of(op)[0] == 'b';
            CHECK(is_defined(op, Dtype(dtype)) == !(bitwise && is_floating(Dtype(dtype))));
        }
}

TEST_CASE("reduce: every operator has a name of its own that is read again") {
    for (const Op op : all_ops) CHECK(parse_op(name_of(op)) == op);
    CHECK_FALSE(parse_op("mean").has_value());
}
