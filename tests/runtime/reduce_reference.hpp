// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What reductions should give, element by element: integers by arithmetic that is wider than they
/// are, floats by the canonical tree, 16-bit ones by the definition of their format.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "runtime/reduce.hpp"

namespace ipcrun::test {

__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 WideBits;

// What a dtype computes with, and how its elements look in memory.
template <typename T>
struct Same {
    using Value = T;
    using Bits = T;
    static T decode(T bits) { return bits; }
    static T encode(T value) { return value; }
    static bool is_nan(T bits) { return bits != bits; }
};

// IEEE floats of 16 bits by their definition: steps of a power of two.
template <int mantissa_bits>
struct Half {
    using Value = float;
    using Bits = std::uint16_t;
    static constexpr int infinity = 0x7fff >> mantissa_bits << mantissa_bits;
    static constexpr int exponent_min = 2 - (1 << (14 - mantissa_bits));

    static bool is_nan(Bits bits) { return (bits & 0x7fff) > infinity; }
    static float decode(Bits bits) {
        const double sign = bits & 0x8000 ? -1 : 1;
        const int rest = bits & 0x7fff;
        if (is_nan(bits)) return std::numeric_limits<float>::quiet_NaN();
        if (rest == infinity) return static_cast<float>(sign * HUGE_VAL);
        const int exponent = std::max(rest >> mantissa_bits, 1);
        const int steps = rest - ((exponent - 1) << mantissa_bits);
        return static_cast<float>(sign *
                                  std::ldexp(steps, exponent_min + exponent - 1 - mantissa_bits));
    }
    static Bits encode(float value) {
        const int sign = std::signbit(value) ? 0x8000 : 0;
        if (std::isnan(value)) return 0x7fff;
        if (std::isinf(value)) return static_cast<Bits>(sign | infinity);
        const int exponent = value == 0 ? exponent_min : std::max(std::ilogb(value), exponent_min);
        const double steps = std::nearbyint(std::ldexp(std::abs(value), mantissa_bits - exponent));
        const int bits = ((exponent - exponent_min) << mantissa_bits) + static_cast<int>(steps);
        return static_cast<Bits>(sign | std::min(bits, infinity));
    }
};

// The order as the header tells it: blocks of powers of two meet, level by level.
template <typename T, typename F>
T tree(const T* values, std::size_t count, F combine) {
    if (count == 1) return values[0];
    const std::size_t left = std::bit_floor(count - 1);
    return combine(tree(values, left, combine), tree(values + left, count - left, combine));
}

template <typename T>
T logical(Op op, const std::vector<T>& column) {
    const auto trues = std::ranges::count_if(column, [](T value) { return !(value == 0); });
    if (op == Op::land) return static_cast<std::size_t>(trues) == column.size();
    return op == Op::lor ? trues > 0 : trues % 2;
}

template <typename T>
requires std::is_integral_v<T> T expected(Op op, const std::vector<T>& column) {
    Wide sum = 0;
    WideBits product = 1;
    T all = column[0], any = 0, odd = 0;
    for (const T value : column) {
        sum += value;
        product *= static_cast<WideBits>(value);
        all = static_cast<T>(all & value);
        any = static_cast<T>(any | value);
        odd = static_cast<T>(odd ^ value);
    }
    switch (op) {
        case Op::sum:
            return static_cast<T>(sum);
        case Op::prod:
            return static_cast<T>(product);
        case Op::min:
            return std::ranges::min(column);
        case Op::max:
            return std::ranges::max(column);
        case Op::avg:
            return static_cast<T>(Wide{static_cast<T>(sum)} / static_cast<Wide>(column.size()));
        case Op::band:
            return all;
        case Op::bor:
            return any;
        case Op::bxor:
            return odd;
        default:
            return logical(op, column);
    }
}

template <typename T>
requires std::is_floating_point_v<T> T expected(Op op, const std::vector<T>& column) {
    const auto total = [&](auto combine) { return tree(column.data(), column.size(), combine); };
    const bool any_nan = std::ranges::any_of(column, [](T value) { return std::isnan(value); });
    switch (op) {
        case Op::sum:
            return total([](T a, T b) { return a + b; });
        case Op::prod:
            return total([](T a, T b) { return a * b; });
        case Op::avg:
            return total([](T a, T b) { return a + b; }) / static_cast<T>(column.size());
        // Of zeros of both signs, the last: not promised, but the same wherever it is computed.
        case Op::min:
            return any_nan ? std::numeric_limits<T>::quiet_NaN()
                           : total([](T a, T b) { return a < b ? a : b; });
        case Op::max:
            return any_nan ? std::numeric_limits<T>::quiet_NaN()
                           : total([](T a, T b) { return a > b ? a : b; });
        default:
            return logical(op, column);
    }
}

}  // namespace ipcrun::test
