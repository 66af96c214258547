// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/reduce.hpp"

#include <limits>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/elements.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

/// What an accumulator of T is; integers add as unsigned, which wraps.
template <typename T>
using Accumulator = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;

struct Sum {
    static auto map(const auto& x, double) { return x; }
    static auto total(const auto& x) { return x.sum(); }
    static auto combine(const auto& a, const auto& x) { return a + x; }
};
struct Prod : Sum {
    static auto total(const auto& x) { return x.prod(); }
    static auto combine(const auto& a, const auto& x) { return a * x; }
};
struct Norm1 : Sum {
    static auto map(const auto& x, double) { return x.abs(); }
};
struct Norm2 : Sum {
    static auto map(const auto& x, double) { return x * x; }
};
struct PowerNorm : Sum {
    static auto map(const auto& x, double aux) { return x.abs().pow(aux); }
};
struct SquaredDistance : Sum {
    static auto map(const auto& x, double aux) { return (x - aux).square(); }
};
struct Norm0 : Sum {
    static auto map(const auto& x, double) { return (x != 0.0).template cast<double>(); }
};

/// Operands: accumulators, elements, and (where the operation has it) aux.
template <typename T, typename Op, bool has_aux = false>
void accumulate(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    using A = Accumulator<T>;
    A* result = reinterpret_cast<A*>(data[0]);
    const double aux = has_aux ? *reinterpret_cast<const double*>(data[2]) : 0;
    if (strides[0] == 0) {
        if (strides[1] == 1)
            *result = Op::combine(
                *result, Op::total(Op::map(unit_run<T>(data[1], count).template cast<A>(), aux)));
        else
            *result = Op::combine(
                *result, Op::total(Op::map(
                             strided_run<T>(data[1], strides[1], count).template cast<A>(), aux)));
    } else if constexpr (has_aux) {
        const T* in = reinterpret_cast<const T*>(data[1]);
        const double* each_aux = reinterpret_cast<const double*>(data[2]);
        for (std::int64_t i = 0; i < count; ++i) {
            Eigen::Array<A, 1, 1> x;
            x(0) = A(in[i * strides[1]]);
            result[i * strides[0]] += Op::map(x, each_aux[i * strides[2]]).sum();
        }
    } else if (strides[0] == 1 && strides[1] == 1) {
        auto sums = unit_run<A>(data[0], count);
        sums = Op::combine(sums, Op::map(unit_run<T>(data[1], count).template cast<A>(), aux));
    } else {
        auto sums = strided_run<A>(data[0], strides[0], count);
        sums = Op::combine(
            sums, Op::map(strided_run<T>(data[1], strides[1], count).template cast<A>(), aux));
    }
}

/// A running value of the accumulator's own type; a NaN wins and stays.
template <typename T, typename Better>
void extremum(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    using A = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
    const T* in = reinterpret_cast<const T*>(data[1]);
    A* result = reinterpret_cast<A*>(data[0]);
    for (std::int64_t i = 0; i < count; ++i) {
        const A value = in[i * strides[1]];
        A& best = result[i * strides[0]];
        if (Better()(value, best) || value != value) best = value;
    }
}

template <typename T, bool all>
void truth(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    using A = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
    const T* in = reinterpret_cast<const T*>(data[1]);
    A* result = reinterpret_cast<A*>(data[0]);
    for (std::int64_t i = 0; i < count; ++i) {
        const bool value = in[i * strides[1]] != T(0);
        A& truth = result[i * strides[0]];
        truth = all ? A(truth != 0 && value) : A(truth != 0 || value);
    }
}

template <typename T>
Kernel kernel_of(ReduceOp op) {
    switch (op) {
        case ReduceOp::sum:
            return accumulate<T, Sum>;
        case ReduceOp::prod:
            return accumulate<T, Prod>;
        case ReduceOp::max:
            return extremum<T, std::greater<>>;
        case ReduceOp::min:
            return extremum<T, std::less<>>;
        case ReduceOp::all:
            return truth<T, true>;
        case ReduceOp::any:
            return truth<T, false>;
        default:
            break;
    }
    if constexpr (std::is_floating_point_v<T>) {
        switch (op) {
            case ReduceOp::norm0:
                return accumulate<T, Norm0>;
            case ReduceOp::norm1:
                return accumulate<T, Norm1>;
            case ReduceOp::norm2:
                return accumulate<T, Norm2>;
            case ReduceOp::power_norm:
                return accumulate<T, PowerNorm, true>;
            case ReduceOp::squared_distance:
                return accumulate<T, SquaredDistance, true>;
            default:
                break;
        }
    }
    fail(ErrorCode::usage,
         "norm, std and var need a floating-point tensor; convert with :double()");
}

Scalar identity_of(ReduceOp op, Dtype accumulator) {
    const bool real = accumulator == Dtype::f64;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    using Integers = std::numeric_limits<std::int64_t>;
    switch (op) {
        case ReduceOp::prod:
        case ReduceOp::all:
            return Scalar::of(std::int64_t(1));
        case ReduceOp::max:
            return real ? Scalar::of(-infinity) : Scalar::of(Integers::min());
        case ReduceOp::min:
            return real ? Scalar::of(infinity) : Scalar::of(Integers::max());
        default:
            return Scalar::of(std::int64_t(0));
    }
}

template <typename T>
void multiply_and_add(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    using A = Accumulator<T>;
    A& result = *reinterpret_cast<A*>(data[2]);
    if (strides[0] == 1 && strides[1] == 1)
        result += (unit_run<T>(data[0], count).template cast<A>() *
                   unit_run<T>(data[1], count).template cast<A>())
                      .sum();
    else
        result += (strided_run<T>(data[0], strides[0], count).template cast<A>() *
                   strided_run<T>(data[1], strides[1], count).template cast<A>())
                      .sum();
}

}  // namespace

Scratch reduce(ReduceOp op, const View& in, const Shape& shape, const View* aux) {
    if (is_half_dtype(in.dtype)) return reduce(op, converted(in, Dtype::f32).view, shape, aux);
    Scratch result(accumulator_dtype(in.dtype), shape);
    fill(result.view, identity_of(op, result.view.dtype));
    const Kernel kernel =
        visit_native(in.dtype, [&]<typename T>(std::type_identity<T>) { return kernel_of<T>(op); });
    const View accumulators = expand(result.view, in.shape, "reduce");
    View stretched_aux;
    if (aux != nullptr) stretched_aux = expand(*aux, in.shape, "reduce");
    // The elements come first in the plan, so that they are read in the order in which they lie.
    const Walk walk = aux != nullptr ? plan_walk({&in, &accumulators, &stretched_aux})
                                     : plan_walk({&in, &accumulators});
    for_each_run(
        walk, [&](std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
            std::byte* const swapped[] = {data[1], data[0], walk.operands > 2 ? data[2] : nullptr};
            const std::int64_t swapped_strides[] = {strides[1], strides[0],
                                                    walk.operands > 2 ? strides[2] : 0};
            kernel(swapped, swapped_strides, count);
        });
    return result;
}

Scratch inner_product(const View& a, const View& b) {
    if (is_half_dtype(a.dtype))
        return inner_product(converted(a, Dtype::f32).view, converted(b, Dtype::f32).view);
    Shape one{1, {1}};
    Scratch result(accumulator_dtype(a.dtype), one);
    fill(result.view, Scalar::of(std::int64_t(0)));
    const Kernel kernel = visit_native(
        a.dtype, [&]<typename T>(std::type_identity<T>) -> Kernel { return multiply_and_add<T>; });
    const View total = expand(result.view, a.shape.dims == 0 ? one : a.shape, "dot");
    if (a.shape.count() != 0) for_each_run(plan_walk({&a, &b, &total}), kernel);
    return result;
}

}  // namespace ipcrun::lua
