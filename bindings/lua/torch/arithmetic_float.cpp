// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/elements.hpp"

namespace ipcrun::lua {

namespace {

struct Add {
    static auto apply(const auto& a, const auto& b) { return a + b; }
};
struct Sub {
    static auto apply(const auto& a, const auto& b) { return a - b; }
};
struct Mul {
    static auto apply(const auto& a, const auto& b) { return a * b; }
};
struct Div {
    static auto apply(const auto& a, const auto& b) { return a / b; }
};
struct Max {
    static auto apply(const auto& a, const auto& b) {
        using T = typename std::decay_t<decltype(a)>::Scalar;
        return a.binaryExpr(b, Eigen::internal::scalar_max_op<T, T, Eigen::PropagateNaN>());
    }
};
struct Min {
    static auto apply(const auto& a, const auto& b) {
        using T = typename std::decay_t<decltype(a)>::Scalar;
        return a.binaryExpr(b, Eigen::internal::scalar_min_op<T, T, Eigen::PropagateNaN>());
    }
};

template <typename T, typename Op>
void run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    const bool unit = strides[0] == 1 && strides[1] == 1;
    if (unit && strides[2] == 1) {
        unit_run<T>(data[0], count) =
            Op::apply(unit_run<T>(data[1], count), unit_run<T>(data[2], count));
    } else if (unit && strides[2] == 0) {
        const T value = *reinterpret_cast<const T*>(data[2]);
        const auto a = unit_run<T>(data[1], count);
        unit_run<T>(data[0], count) =
            Op::apply(a, Eigen::Array<T, Eigen::Dynamic, 1>::Constant(count, value));
    } else {
        strided_run<T>(data[0], strides[0], count) = Op::apply(
            strided_run<T>(data[1], strides[1], count), strided_run<T>(data[2], strides[2], count));
    }
}

/// std::pow, which is exact for small integer powers; the common constant exponents go without it.
template <typename T>
void pow_run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    if (strides[2] == 0) {
        const T exponent = *reinterpret_cast<const T*>(data[2]);
        const auto a = strided_run<T>(data[1], strides[1], count);
        auto out = strided_run<T>(data[0], strides[0], count);
        if (exponent == T(2)) {
            out = a * a;
            return;
        }
        if (exponent == T(1)) {
            out = a;
            return;
        }
    }
    const T* a = reinterpret_cast<const T*>(data[1]);
    const T* b = reinterpret_cast<const T*>(data[2]);
    T* out = reinterpret_cast<T*>(data[0]);
    for (std::int64_t i = 0; i < count; ++i)
        out[i * strides[0]] = std::pow(a[i * strides[1]], b[i * strides[2]]);
}

template <typename T, T (*function)(T, T)>
void each(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    T* out = reinterpret_cast<T*>(data[0]);
    const T* a = reinterpret_cast<const T*>(data[1]);
    const T* b = reinterpret_cast<const T*>(data[2]);
    for (std::int64_t i = 0; i < count; ++i)
        out[i * strides[0]] = function(a[i * strides[1]], b[i * strides[2]]);
}

template <typename T>
T truncated_remainder(T a, T b) {
    return std::fmod(a, b);
}
template <typename T>
T floored_remainder(T a, T b) {
    const T rest = std::fmod(a, b);
    return rest != T(0) && (rest < T(0)) != (b < T(0)) ? rest + b : rest;
}
template <typename T>
T angle(T y, T x) {
    return std::atan2(y, x);
}

template <typename T>
void add_scaled_run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    const T scale = *reinterpret_cast<const T*>(data[3]);
    if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1)
        unit_run<T>(data[0], count) =
            unit_run<T>(data[1], count) + scale * unit_run<T>(data[2], count);
    else
        strided_run<T>(data[0], strides[0], count) =
            strided_run<T>(data[1], strides[1], count) +
            scale * strided_run<T>(data[2], strides[2], count);
}

template <typename T>
Kernel kernel_of(BinaryOp op) {
    switch (op) {
        case BinaryOp::add:
            return run<T, Add>;
        case BinaryOp::sub:
            return run<T, Sub>;
        case BinaryOp::mul:
            return run<T, Mul>;
        case BinaryOp::div:
            return run<T, Div>;
        case BinaryOp::pow:
            return pow_run<T>;
        case BinaryOp::max:
            return run<T, Max>;
        case BinaryOp::min:
            return run<T, Min>;
        case BinaryOp::fmod:
            return each<T, truncated_remainder<T>>;
        case BinaryOp::remainder:
            return each<T, floored_remainder<T>>;
        case BinaryOp::atan2:
            return each<T, angle<T>>;
    }
    __builtin_unreachable();
}

}  // namespace

Kernel float_kernel(BinaryOp op, Dtype dtype) {
    return dtype == Dtype::f32 ? kernel_of<float>(op) : kernel_of<double>(op);
}

Kernel float_add_scaled_kernel(Dtype dtype) {
    return dtype == Dtype::f32 ? add_scaled_run<float> : add_scaled_run<double>;
}

}  // namespace ipcrun::lua
