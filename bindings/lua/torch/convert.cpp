// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/convert.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "bindings/lua/torch/elements.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

template <typename To, typename From>
void convert_run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    To* to = reinterpret_cast<To*>(data[0]);
    const From* from = reinterpret_cast<const From*>(data[1]);
    if (strides[0] == 1 && strides[1] == 1) {
        std::transform(from, from + count, to, convert<To, From>);
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            to[i * strides[0]] = convert<To>(from[i * strides[1]]);
    }
}

/// Moves bits, so that no NaN is changed on the way.
template <typename Bits>
void move_run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    if (strides[0] == 1 && strides[1] == 1) {
        std::memmove(data[0], data[1], std::size_t(count) * sizeof(Bits));
        return;
    }
    Bits* to = reinterpret_cast<Bits*>(data[0]);
    const Bits* from = reinterpret_cast<const Bits*>(data[1]);
    for (std::int64_t i = 0; i < count; ++i) to[i * strides[0]] = from[i * strides[1]];
}

Kernel copy_kernel(Dtype to, Dtype from) {
    if (to == from) {
        switch (size_of(to)) {
            case 1:
                return move_run<std::uint8_t>;
            case 2:
                return move_run<std::uint16_t>;
            case 4:
                return move_run<std::uint32_t>;
            default:
                return move_run<std::uint64_t>;
        }
    }
    return visit_any(to, [&]<typename To>(std::type_identity<To>) {
        return visit_any(from, []<typename From>(std::type_identity<From>) -> Kernel {
            return convert_run<To, From>;
        });
    });
}

template <typename Bits>
void fill_run(std::byte* data, std::int64_t stride, std::int64_t count, const Element& element) {
    Bits bits;
    std::memcpy(&bits, element.bytes, sizeof bits);
    Bits* to = reinterpret_cast<Bits*>(data);
    if (stride == 1)
        std::fill_n(to, count, bits);
    else
        for (std::int64_t i = 0; i < count; ++i) to[i * stride] = bits;
}

}  // namespace

Element to_element(const Scalar& scalar, Dtype dtype) {
    Element element;
    store_element(dtype, element.bytes, scalar);
    return element;
}

IntegerRange range_of(Dtype dtype) {
    return visit_integer(dtype, []<typename T>(std::type_identity<T>) -> IntegerRange {
        return {std::int64_t(std::numeric_limits<T>::min()),
                std::int64_t(std::numeric_limits<T>::max())};
    });
}

bool holds(Dtype dtype, const Scalar& scalar) {
    if (is_floating(dtype)) return true;
    const IntegerRange range = range_of(dtype);
    if (scalar.is_integer) return scalar.integer >= range.least && scalar.integer <= range.greatest;
    constexpr double limit = 9223372036854775808.0;  // 2^63
    if (!(scalar.real >= -limit && scalar.real < limit)) return false;
    const auto truncated = static_cast<std::int64_t>(scalar.real);
    return truncated >= range.least && truncated <= range.greatest;
}

Scalar load_element(Dtype dtype, const std::byte* element) {
    return visit_any(dtype, [&]<typename T>(std::type_identity<T>) {
        T value;
        std::memcpy(static_cast<void*>(&value), element, sizeof value);
        if constexpr (std::is_integral_v<T>)
            return Scalar::of(std::int64_t(value));
        else
            return Scalar::of(convert<double>(value));
    });
}

void store_element(Dtype dtype, std::byte* element, const Scalar& scalar) {
    visit_any(dtype, [&]<typename T>(std::type_identity<T>) {
        const T value = to_type<T>(scalar);
        std::memcpy(element, static_cast<const void*>(&value), sizeof value);
    });
}

void copy(const View& from, const View& to) {
    if (from.shape.count() != to.shape.count())
        fail(ErrorCode::usage, "copy: sizes {} and {} have different numbers of elements",
             format_shape(to.shape), format_shape(from.shape));
    if (!(from.shape == to.shape)) {
        // Both in row-major order: through a contiguous copy, which can take any shape.
        Scratch linear = converted(from, from.dtype);
        linear.view.shape = to.shape;
        set_contiguous_strides(to.shape, linear.view.strides);
        copy(linear.view, to);
        return;
    }
    if (same_elements(from, to)) return;
    if (overlap(from, to)) {
        copy(converted(from, from.dtype).view, to);
        return;
    }
    for_each_run(plan_walk({&to, &from}), copy_kernel(to.dtype, from.dtype));
}

void fill(const View& to, const Scalar& scalar) {
    const Element element = to_element(scalar, to.dtype);
    for_each_run(plan_walk({&to}),
                 [&](std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
                     switch (size_of(to.dtype)) {
                         case 1:
                             return fill_run<std::uint8_t>(data[0], strides[0], count, element);
                         case 2:
                             return fill_run<std::uint16_t>(data[0], strides[0], count, element);
                         case 4:
                             return fill_run<std::uint32_t>(data[0], strides[0], count, element);
                         default:
                             return fill_run<std::uint64_t>(data[0], strides[0], count, element);
                     }
                 });
}

Scratch converted(const View& view, Dtype dtype) {
    Scratch scratch(dtype, view.shape);
    for_each_run(plan_walk({&scratch.view, &view}), copy_kernel(dtype, view.dtype));
    return scratch;
}

}  // namespace ipcrun::lua
