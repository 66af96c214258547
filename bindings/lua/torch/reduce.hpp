// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reductions over any set of dimensions: the accumulators are a view whose strides are 0 along
/// what is reduced, so one walk serves the sum of everything and the sum of a column.

#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

enum class ReduceOp {
    sum,
    prod,
    max,
    min,
    all,
    any,
    norm0,            ///< elements that are not zero
    norm1,            ///< |x|
    norm2,            ///< x * x
    power_norm,       ///< |x| ** aux
    squared_distance  ///< (x - aux) ** 2
};

/// What accumulators are: i64 for integer tensors (wrapping), f64 for floating ones.
constexpr Dtype accumulator_dtype(Dtype dtype) {
    return is_floating(dtype) ? Dtype::f64 : Dtype::i64;
}

/// Reduces all of `in` to accumulators of `shape`, which is in.shape with some sizes set to 1.
/// `aux` (f64, of the shape of the accumulators, or null) is the second value of the last two
/// operations, which need a floating `in`.
Scratch reduce(ReduceOp op, const View& in, const Shape& shape, const View* aux = nullptr);

/// The sum of products of two views of one shape; like reduce(sum), exact for integers.
Scratch inner_product(const View& a, const View& b);

}  // namespace ipcrun::lua
