// SPDX-License-Identifier: Apache-2.0
#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/elements.hpp"

namespace ipcrun::lua {

namespace {

struct Abs {
    static auto apply(const auto& a) { return a.abs(); }
};
struct Neg {
    static auto apply(const auto& a) { return -a; }
};
struct Floor {
    static auto apply(const auto& a) { return a.floor(); }
};
struct Ceil {
    static auto apply(const auto& a) { return a.ceil(); }
};
struct Round {
    static auto apply(const auto& a) { return a.round(); }
};
struct Exp {
    static auto apply(const auto& a) { return a.exp(); }
};
struct Log {
    static auto apply(const auto& a) { return a.log(); }
};
struct Sqrt {
    static auto apply(const auto& a) { return a.sqrt(); }
};
struct Rsqrt {  // Eigen's own is an approximation on some CPUs
    static auto apply(const auto& a) { return a.sqrt().inverse(); }
};
struct Inverse {
    static auto apply(const auto& a) { return a.inverse(); }
};
struct Tanh {
    static auto apply(const auto& a) { return a.tanh(); }
};
struct Sigmoid {
    static auto apply(const auto& a) { return a.logistic(); }
};
struct Sin {
    static auto apply(const auto& a) { return a.sin(); }
};
struct Cos {
    static auto apply(const auto& a) { return a.cos(); }
};

template <typename T, typename Op>
void run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    if (strides[0] == 1 && strides[1] == 1)
        unit_run<T>(data[0], count) = Op::apply(unit_run<T>(data[1], count));
    else
        strided_run<T>(data[0], strides[0], count) =
            Op::apply(strided_run<T>(data[1], strides[1], count));
}

/// For what Eigen lacks or rounds otherwise, and for integers, which wrap.
template <typename T, T (*function)(T)>
void each(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    T* out = reinterpret_cast<T*>(data[0]);
    const T* a = reinterpret_cast<const T*>(data[1]);
    for (std::int64_t i = 0; i < count; ++i) out[i * strides[0]] = function(a[i * strides[1]]);
}

template <typename T>
T sign_of(T value) {
    if (value != value) return value;
    return static_cast<T>((value > T(0)) - (value < T(0)));
}
template <typename T>
T negate(T value) {
    return static_cast<T>(0 - static_cast<std::uint64_t>(value));
}
template <typename T>
T absolute(T value) {
    return value < T(0) ? negate(value) : value;
}
template <typename T>
T same(T value) {
    return value;
}
template <typename T>
T truncate(T value) {
    return std::trunc(value);
}

template <typename T>
T fraction(T value) {
    return std::isinf(value) ? T(0) : value - std::trunc(value);
}
template <typename T>
T log_of_one_more(T value) {
    return std::log1p(value);
}
template <typename T>
T tangent(T value) {
    return std::tan(value);
}
template <typename T>
T arc_sine(T value) {
    return std::asin(value);
}
template <typename T>
T arc_cosine(T value) {
    return std::acos(value);
}
template <typename T>
T arc_tangent(T value) {
    return std::atan(value);
}
template <typename T>
T hyperbolic_sine(T value) {
    return std::sinh(value);
}
template <typename T>
T hyperbolic_cosine(T value) {
    return std::cosh(value);
}

/// The rarer ones, from the C library.
template <typename T>
Kernel library_unary(UnaryOp op) {
    switch (op) {
        case UnaryOp::log1p:
            return each<T, log_of_one_more<T>>;
        case UnaryOp::tan:
            return each<T, tangent<T>>;
        case UnaryOp::asin:
            return each<T, arc_sine<T>>;
        case UnaryOp::acos:
            return each<T, arc_cosine<T>>;
        case UnaryOp::atan:
            return each<T, arc_tangent<T>>;
        case UnaryOp::sinh:
            return each<T, hyperbolic_sine<T>>;
        case UnaryOp::cosh:
            return each<T, hyperbolic_cosine<T>>;
        default:
            return nullptr;
    }
}

template <typename T>
Kernel float_unary(UnaryOp op) {
    switch (op) {
        case UnaryOp::abs:
            return run<T, Abs>;
        case UnaryOp::neg:
            return run<T, Neg>;
        case UnaryOp::sign:
            return each<T, sign_of<T>>;
        case UnaryOp::floor:
            return run<T, Floor>;
        case UnaryOp::ceil:
            return run<T, Ceil>;
        case UnaryOp::round:
            return run<T, Round>;
        case UnaryOp::trunc:
            return each<T, truncate<T>>;
        case UnaryOp::exp:
            return run<T, Exp>;
        case UnaryOp::log:
            return run<T, Log>;
        case UnaryOp::sqrt:
            return run<T, Sqrt>;
        case UnaryOp::tanh:
            return run<T, Tanh>;
        case UnaryOp::sigmoid:
            return run<T, Sigmoid>;
        case UnaryOp::sin:
            return run<T, Sin>;
        case UnaryOp::cos:
            return run<T, Cos>;
        case UnaryOp::rsqrt:
            return run<T, Rsqrt>;
        case UnaryOp::cinv:
            return run<T, Inverse>;
        case UnaryOp::frac:
            return each<T, fraction<T>>;
        default:
            return library_unary<T>(op);
    }
}

/// Null for what integers do not have.
template <typename T>
Kernel integer_unary(UnaryOp op) {
    switch (op) {
        case UnaryOp::abs:
            return each<T, absolute<T>>;
        case UnaryOp::neg:
            return each<T, negate<T>>;
        case UnaryOp::sign:
            return each<T, sign_of<T>>;
        case UnaryOp::floor:
        case UnaryOp::ceil:
        case UnaryOp::round:
        case UnaryOp::trunc:
            return each<T, same<T>>;
        default:
            return nullptr;
    }
}

Kernel kernel_of(UnaryOp op, Dtype dtype) {
    if (dtype == Dtype::f32) return float_unary<float>(op);
    if (dtype == Dtype::f64) return float_unary<double>(op);
    return visit_integer(dtype,
                         [&]<typename T>(std::type_identity<T>) { return integer_unary<T>(op); });
}

}  // namespace

void unary(UnaryOp op, const View& out, const View& a) {
    if (is_half_dtype(a.dtype)) {
        Scratch values = converted(a, Dtype::f32);
        unary(op, values.view, values.view);
        copy(values.view, out);
        return;
    }
    if (overlap(out, a) && !same_elements(out, a)) {
        unary(op, out, converted(a, a.dtype).view);
        return;
    }
    const Kernel kernel = kernel_of(op, a.dtype);
    if (kernel == nullptr)
        fail(ErrorCode::usage, "integer tensors have no such function; convert with :double()");
    for_each_run(plan_walk({&out, &a}), kernel);
}

}  // namespace ipcrun::lua
