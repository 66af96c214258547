// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The C++ types behind the dtypes, and conversions between them. Includes Eigen: for the kernels'
/// source files only, not for other headers.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/fail.hpp"
#include "bindings/lua/torch/scalar.hpp"
#include "runtime/dtype.hpp"

namespace ipcrun::lua {

template <typename T>
constexpr bool is_half = std::is_same_v<T, Eigen::half> || std::is_same_v<T, Eigen::bfloat16>;

/// Calls `visitor(std::type_identity<T>())` with the integer type of `dtype`.
template <typename Visitor>
decltype(auto) visit_integer(Dtype dtype, Visitor&& visitor) {
    switch (dtype) {
        case Dtype::u8:
            return visitor(std::type_identity<std::uint8_t>());
        case Dtype::i8:
            return visitor(std::type_identity<std::int8_t>());
        case Dtype::i16:
            return visitor(std::type_identity<std::int16_t>());
        case Dtype::i32:
            return visitor(std::type_identity<std::int32_t>());
        case Dtype::i64:
            return visitor(std::type_identity<std::int64_t>());
        default:
            fail(ErrorCode::internal, "dtype {} is not an integer", name_of(dtype));
    }
}

/// The same for the types that C++ computes in: integers, float and double.
template <typename Visitor>
decltype(auto) visit_native(Dtype dtype, Visitor&& visitor) {
    if (dtype == Dtype::f32) return visitor(std::type_identity<float>());
    if (dtype == Dtype::f64) return visitor(std::type_identity<double>());
    return visit_integer(dtype, visitor);
}

/// The same for every dtype.
template <typename Visitor>
decltype(auto) visit_any(Dtype dtype, Visitor&& visitor) {
    if (dtype == Dtype::f16) return visitor(std::type_identity<Eigen::half>());
    if (dtype == Dtype::bf16) return visitor(std::type_identity<Eigen::bfloat16>());
    return visit_native(dtype, visitor);
}

/// `value` as a float such that rounding it again to 16 bits gives what rounding `value` once
/// would: an inexact result is the neighbour with an odd last bit ("round to odd").
inline float to_float_round_odd(double value) {
    const float nearest = static_cast<float>(value);
    if (double(nearest) == value || !std::isfinite(nearest)) return nearest;
    std::uint32_t bits;
    std::memcpy(&bits, &nearest, sizeof bits);
    if (bits & 1) return nearest;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    return std::nextafter(nearest, value > double(nearest) ? infinity : -infinity);
}

/// Truncates towards zero; out of range saturates and NaN is 0, where C++ would be undefined.
inline std::int64_t truncate_to_integer(double value) {
    constexpr double limit = 9223372036854775808.0;  // 2^63
    if (std::isnan(value)) return 0;
    if (value >= limit) return std::numeric_limits<std::int64_t>::max();
    if (value < -limit) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(value);
}

template <typename To, typename From>
To convert(From value) {
    if constexpr (std::is_same_v<To, From>) {
        return value;
    } else if constexpr (is_half<From>) {
        return convert<To>(static_cast<float>(value));
    } else if constexpr (is_half<To>) {
        if constexpr (std::is_same_v<From, float>)
            return To(value);
        else
            return To(to_float_round_odd(static_cast<double>(value)));
    } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
        return static_cast<To>(truncate_to_integer(value));
    } else {
        return static_cast<To>(value);
    }
}

template <typename T>
T to_type(const Scalar& scalar) {
    return scalar.is_integer ? convert<T>(scalar.integer) : convert<T>(scalar.real);
}

/// The memory of a run as an Eigen array.
template <typename T>
auto unit_run(const std::byte* data, std::int64_t count) {
    return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(reinterpret_cast<const T*>(data),
                                                                count);
}
template <typename T>
auto unit_run(std::byte* data, std::int64_t count) {
    return Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>(reinterpret_cast<T*>(data), count);
}
template <typename T>
auto strided_run(std::byte* data, std::int64_t stride, std::int64_t count) {
    return Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>, 0, Eigen::InnerStride<>>(
        reinterpret_cast<T*>(data), count, Eigen::InnerStride<>(stride));
}

}  // namespace ipcrun::lua
