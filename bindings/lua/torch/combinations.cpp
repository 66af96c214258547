// SPDX-License-Identifier: Apache-2.0
// Element-wise functions of three tensors: addcmul, addcdiv, lerp; and the cross product.
#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

enum class Combination { addcmul, addcdiv, lerp };

/// out = x + scale * (a * b), x + scale * (a / b), or x + scale * (b - a). All of one shape.
void combine(Combination kind, const View& out, const View& x, const Scalar& scale, const View& a,
             const View& b) {
    if (is_half_dtype(out.dtype)) {  // in float, rounded once
        const Scratch result(Dtype::f32, out.shape);
        combine(kind, result.view, converted(x, Dtype::f32).view, scale,
                converted(a, Dtype::f32).view, converted(b, Dtype::f32).view);
        copy(result.view, out);
        return;
    }
    const Scratch part(out.dtype, out.shape);
    if (kind == Combination::lerp)
        binary(BinaryOp::sub, part.view, b, a);
    else
        binary(kind == Combination::addcmul ? BinaryOp::mul : BinaryOp::div, part.view, a, b);
    Element element = to_element(scale, out.dtype);
    View factor;
    factor.dtype = out.dtype;
    factor.data = element.bytes;
    factor.shape = out.shape;
    add_scaled(out, x, factor, part.view);
}

/// Which arguments are what; 0: not given.
struct Roles {
    int result = 0;
    int x = 0;
    int scale = 0;
    int a = 0;
    int b = 0;
};

bool find_roles(const Call& call, Roles& roles) {
    if (Combination(call.op) == Combination::lerp) {
        if (call.is("TTN"))
            roles = {0, 1, 3, 1, 2};
        else if (call.is("TTTN"))
            roles = {1, 2, 4, 2, 3};
        else
            return false;
    } else if (call.is("TTT")) {
        roles = {0, 1, 0, 2, 3};
    } else if (call.is("TNTT")) {
        roles = {0, 1, 2, 3, 4};
    } else if (call.is("TTTT")) {
        roles = {1, 2, 0, 3, 4};
    } else if (call.is("TTNTT")) {
        roles = {1, 2, 3, 4, 5};
    } else {
        return false;
    }
    if (roles.result == 0 && call.is_method) roles.result = 1;
    return true;
}

/// addcmul([result,] x, [scale,] a, b), addcdiv, lerp([result,] a, b, weight)
int combination(lua_State* lua) {
    const Call call = begin_call(lua);
    Roles roles;
    const bool is_lerp = Combination(call.op) == Combination::lerp;
    if (!find_roles(call, roles))
        raise_usage(lua, call.name,
                    is_lerp ? "([result,] tensor, tensor, number)"
                            : "([result,] tensor, [number,] tensor, tensor)");
    const Tensor& x = check_tensor(lua, roles.x);
    const Tensor& a = check_tensor(lua, roles.a);
    const Tensor& b = check_tensor(lua, roles.b);
    const Scalar scale =
        roles.scale != 0 ? to_scalar(lua, roles.scale) : Scalar::of(std::int64_t(1));
    Tensor& result = push_result(lua, roles.result);
    run(lua, [&] {
        const Dtype dtype = x.dtype();
        check_same_dtype(call.name, dtype, a.dtype());
        check_same_dtype(call.name, dtype, b.dtype());
        if (is_lerp && !is_floating(dtype))
            fail(ErrorCode::usage, "lerp needs floating-point tensors; convert with :double()");
        const Shape shape =
            broadcast(shape_of(x), broadcast(shape_of(a), shape_of(b), call.name), call.name);
        const View wide_x = expand(view_of(x), shape, call.name);
        const View wide_a = expand(view_of(a), shape, call.name);
        const View wide_b = expand(view_of(b), shape, call.name);
        const bool is_operand = &result == &x || &result == &a || &result == &b;
        prepare_target(lua, call.name, result, is_operand, dtype, shape);
        combine(Combination(call.op), view_of(result), wide_x, scale, wide_a, wide_b);
    });
    return 1;
}

/// The elements at `index` of the dimension `dim`.
View slice(View view, int dim, std::int64_t index) {
    view.data += index * view.strides[dim] * std::int64_t(size_of(view.dtype));
    view.shape.sizes[dim] = 1;
    return view;
}

/// The first dimension of size 3, or -1.
int find_cross_dimension(const Tensor& tensor) {
    for (int d = 0; d < tensor.dims; ++d)
        if (tensor.sizes[d] == 3) return d;
    return -1;
}

/// cross([result,] a, b [, dim])
int cross(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = call.is("TTT") || call.is("TTTN") ? 2 : 1;
    if (source == 1 && !call.is("TT") && !call.is("TTN"))
        raise_usage(lua, "cross", "([result,] tensor, tensor [, dimension])");
    const Tensor& a = check_tensor(lua, source);
    const Tensor& b = check_tensor(lua, source + 1);
    const bool has_dim = !lua_isnoneornil(lua, source + 2);
    const int dim = has_dim ? check_dimension(lua, source + 2, a) : find_cross_dimension(a);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View left = view_of(a);
        const View right = view_of(b);
        check_same_dtype("cross", left.dtype, right.dtype);
        if (!(left.shape == right.shape))
            fail(ErrorCode::usage, "cross: sizes {} and {} differ", format_shape(left.shape),
                 format_shape(right.shape));
        if (dim < 0 || left.shape.sizes[dim] != 3)
            fail(ErrorCode::usage, "cross: size {} has no dimension of size 3 to work along",
                 format_shape(left.shape));
        const Scratch product(left.dtype, left.shape);
        for (int i = 0; i < 3; ++i) {
            const int j = (i + 1) % 3;
            const int k = (i + 2) % 3;
            const View to = slice(product.view, dim, i);
            const Scratch subtracted(left.dtype, to.shape);
            binary(BinaryOp::mul, to, slice(left, dim, j), slice(right, dim, k));
            binary(BinaryOp::mul, subtracted.view, slice(left, dim, k), slice(right, dim, j));
            binary(BinaryOp::sub, to, to, subtracted.view);
        }
        prepare_result(lua, "cross", result, left.dtype, left.shape);
        copy(product.view, view_of(result));
    });
    return 1;
}

}  // namespace

void register_combinations(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"addcmul", combination, int(Combination::addcmul)},
        {"addcdiv", combination, int(Combination::addcdiv)},
        {"lerp", combination, int(Combination::lerp)},
        {"cross", cross},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
