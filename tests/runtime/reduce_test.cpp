// SPDX-License-Identifier: Apache-2.0
// Proves the values and the canonical order of reductions against plain loops, for every dtype.
#include "runtime/reduce.hpp"

#include <doctest/doctest.h>
#include <hwy/highway.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace ipcrun;

namespace {

// The order as the header tells it: blocks of powers of two meet, level by level.
template <typename T, typename F>
T tree(const std::vector<T>& values, std::size_t first, std::size_t count, F combine) {
    if (count == 1) return values[first];
    const std::size_t left = std::bit_floor(count - 1);
    return combine(tree(values, first, left, combine),
                   tree(values, first + left, count - left, combine));
}

template <typename T>
std::vector<std::vector<T>> random_inputs(int ranks, std::size_t count, std::mt19937& random) {
    std::vector<std::vector<T>> inputs(ranks, std::vector<T>(count));
    for (auto& input : inputs)
        for (T& value : input)
            value = std::is_integral_v<T> ? static_cast<T>(random())
                                          : static_cast<T>(std::ldexp(random() % 20001 - 10000.0,
                                                                      int(random() % 40) - 20));
    return inputs;
}

template <typename T>
std::vector<std::vector<T>> reduce_in_place(Op op, Dtype dtype, std::vector<std::vector<T>> data) {
    std::vector<std::byte*> pointers;
    for (auto& input : data) pointers.push_back(reinterpret_cast<std::byte*>(input.data()));
    reduce(op, dtype, std::vector<const std::byte*>(pointers.begin(), pointers.end()), pointers,
           data[0].size());
    return data;
}

// Makes all NaNs alike: which of several comes out is left open.
template <typename T>
void forget_which_nan(std::byte* data, std::size_t bytes, T infinity) {
    for (std::size_t i = 0; i < bytes; i += sizeof(T)) {
        T bits;
        std::memcpy(&bits, data + i, sizeof bits);
        if (static_cast<T>(bits << 1) <= static_cast<T>(infinity << 1)) continue;
        std::memset(data + i, 0xff, sizeof bits);
    }
}

// The results at all destinations, one after the other, for elements of any dtype.
std::vector<std::byte> reduce_bytes(Op op, Dtype dtype, std::vector<std::vector<std::byte>> data) {
    std::vector<std::byte*> pointers;
    for (auto& input : data) pointers.push_back(input.data());
    reduce(op, dtype, std::vector<const std::byte*>(pointers.begin(), pointers.end()), pointers,
           data[0].size() / size_of(dtype));
    std::vector<std::byte> all;
    for (const auto& result : data) all.insert(all.end(), result.begin(), result.end());
    if (dtype == Dtype::f16) forget_which_nan<std::uint16_t>(all.data(), all.size(), 0x7c00);
    if (dtype == Dtype::bf16) forget_which_nan<std::uint16_t>(all.data(), all.size(), 0x7f80);
    if (dtype == Dtype::f32) forget_which_nan<std::uint32_t>(all.data(), all.size(), 0x7f80'0000);
    if (dtype == Dtype::f64)
        forget_which_nan<std::uint64_t>(all.data(), all.size(), 0x7ff0'0000'0000'0000);
    return all;
}

template <typename T, typename F>
void check_against_tree(Op op, Dtype dtype, F combine) {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    CAPTURE(name_of(dtype));
    std::mt19937 random(seed);
    for (int ranks = 1; ranks <= 17; ++ranks) {
        const std::size_t count = 1 + random() % 3000;
        CAPTURE(ranks);
        CAPTURE(count);
        const auto inputs = random_inputs<T>(ranks, count, random);
        const auto results = reduce_in_place(op, dtype, inputs);
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<T> column;
            for (const auto& input : inputs) column.push_back(input[i]);
            const T expected = tree(column, 0, column.size(), combine);
            for (const auto& result : results) REQUIRE(result[i] == expected);
        }
    }
}

template <typename T>
T wrapping_sum(T a, T b) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
}

}  // namespace

TEST_CASE("reduce: sums of floats are those of the canonical tree, bit by bit, for 1 to 17 ranks") {
    check_against_tree<float>(Op::sum, Dtype::f32, [](float a, float b) { return a + b; });
    check_against_tree<double>(Op::sum, Dtype::f64, [](double a, double b) { return a + b; });
}

TEST_CASE("reduce: integer sums wrap") {
    check_against_tree<std::uint8_t>(Op::sum, Dtype::u8, wrapping_sum<std::uint8_t>);
    check_against_tree<std::int8_t>(Op::sum, Dtype::i8, wrapping_sum<std::int8_t>);
    check_against_tree<std::int16_t>(Op::sum, Dtype::i16, wrapping_sum<std::int16_t>);
    check_against_tree<std::int32_t>(Op::sum, Dtype::i32, wrapping_sum<std::int32_t>);
    check_against_tree<std::int64_t>(Op::sum, Dtype::i64, wrapping_sum<std::int64_t>);
}

TEST_CASE("reduce: products, minima and maxima follow the tree too") {
    check_against_tree<double>(Op::prod, Dtype::f64, [](double a, double b) { return a * b; });
    check_against_tree<float>(Op::min, Dtype::f32, [](float a, float b) { return a < b ? a : b; });
    check_against_tree<float>(Op::max, Dtype::f32, [](float a, float b) { return a > b ? a : b; });
    check_against_tree<std::int16_t>(Op::max, Dtype::i16,
                                     [](std::int16_t a, std::int16_t b) { return a > b ? a : b; });
    check_against_tree<std::int32_t>(Op::prod, Dtype::i32, [](std::int32_t a, std::int32_t b) {
        return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) *
                                         static_cast<std::uint32_t>(b));
    });
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
    std::vector<std::vector<std::uint16_t>> many(3, std::vector<std::uint16_t>(1001, one));
    const auto threes = reduce_in_place(Op::sum, Dtype::f16, many);
    for (const auto value : threes[1]) REQUIRE(value == 0x4200);
}

TEST_CASE("reduce: every instruction set of this CPU gives the same bits") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto targets = hwy::SupportedAndGeneratedTargets();
    for (int dtype = 0; dtype < dtype_count; ++dtype)
        for (const Op op : {Op::sum, Op::prod, Op::min, Op::max, Op::avg})
            for (int ranks = 1; ranks <= 64; ranks = ranks * 3 / 2 + 1) {
                CAPTURE(name_of(Dtype(dtype)));
                CAPTURE(name_of(op));
                CAPTURE(ranks);
                // Any bits at all: subnormal and infinite numbers are among them, and NaNs.
                std::vector<std::vector<std::byte>> inputs(ranks);
                for (auto& input : inputs)
                    for (int i = 0; i < 8 * 1001; ++i)
                        input.push_back(static_cast<std::byte>(random()));
                const auto bits_of = [&](std::int64_t target) {
                    hwy::SetSupportedTargetsForTest(target);
                    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
                    return reduce_bytes(op, Dtype(dtype), inputs);
                };
                const auto expected = bits_of(targets.front());
                for (const std::int64_t target : targets) {
                    CAPTURE(hwy::TargetName(target));
                    CHECK(bits_of(target) == expected);
                }
            }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
}
