// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Element-wise math on views that already have one shape and, per operation, one dtype. f16 and
/// bf16 compute in float and round once. Integers wrap; division truncates. Results may be an
/// operand itself; other overlaps are resolved by copies. All throw usage where a dtype or a value
/// does not allow the operation.

#include "bindings/lua/torch/view.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

enum class BinaryOp {
    add,
    sub,
    mul,
    div,
    pow,
    max,
    min,
    fmod,       ///< what is left of a division that truncates: has the sign of a
    remainder,  ///< of a division that rounds down: has the sign of b
    atan2,
};
enum class CompareOp { eq, ne, lt, le, gt, ge };
enum class UnaryOp {
    abs,
    neg,
    sign,
    floor,
    ceil,
    round,
    trunc,
    frac,
    exp,
    log,
    log1p,
    sqrt,
    rsqrt,
    cinv,  ///< 1 / x
    tanh,
    sigmoid,
    sin,
    cos,
    tan,
    asin,
    acos,
    atan,
    sinh,
    cosh,
};

/// out = a op b
void binary(BinaryOp op, const View& out, const View& a, const View& b);
/// out = a + scale * b; `scale` is one element of their dtype.
void add_scaled(const View& out, const View& a, const View& scale, const View& b);
/// out (u8) = a op b ? 1 : 0
void compare(CompareOp op, const View& out, const View& a, const View& b);
/// out = op(a)
void unary(UnaryOp op, const View& out, const View& a);

/// The kernels behind binary() and add_scaled(), by kind of dtype.
Kernel float_kernel(BinaryOp op, Dtype dtype);
Kernel integer_kernel(BinaryOp op, Dtype dtype);
Kernel float_add_scaled_kernel(Dtype dtype);
Kernel integer_add_scaled_kernel(Dtype dtype);

}  // namespace ipcrun::lua
