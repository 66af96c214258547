// SPDX-License-Identifier: Apache-2.0
// sum, prod, mean, norm, var, std, all, any: of everything, as a number, or along one dimension,
// which stays with size 1, as a tensor.
#include <algorithm>
#include <cmath>

#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/reduce.hpp"

namespace ipcrun::lua {

namespace {

enum class Reduction { sum, prod, mean, norm, var, std, all, any };

struct Request {
    Reduction kind;
    const char* name;
    int dim = -1;          ///< -1: everything
    double power = 2;      ///< of a norm
    bool unbiased = true;  ///< var and std divide by n - 1
};

/// Calls `f` on the f64 accumulators.
template <typename Function>
void for_each_real(const Scratch& scratch, Function&& f) {
    double* values = reinterpret_cast<double*>(scratch.view.data);
    for (std::int64_t i = 0; i < scratch.view.shape.count(); ++i) values[i] = f(values[i]);
}

void divide(const Scratch& sums, double count) {
    for_each_real(sums, [&](double sum) { return sum / count; });
}

Scratch mean_of(const View& in, const Shape& shape, double count) {
    const Scratch sums = reduce(ReduceOp::sum, in, shape);
    Scratch means = converted(sums.view, Dtype::f64);
    divide(means, count);
    return means;
}

Scratch norm_of(const View& in, const Shape& shape, double power) {
    if (!(power >= 0 && std::isfinite(power)))
        fail(ErrorCode::usage, "norm: the power must be finite and not negative, not {}", power);
    if (power == 0) return reduce(ReduceOp::norm0, in, shape);
    if (power == 1) return reduce(ReduceOp::norm1, in, shape);
    if (power == 2) {
        Scratch norms = reduce(ReduceOp::norm2, in, shape);
        for_each_real(norms, [](double sum) { return std::sqrt(sum); });
        return norms;
    }
    const Scratch powers(Dtype::f64, shape);
    fill(powers.view, Scalar::of(power));
    Scratch norms = reduce(ReduceOp::power_norm, in, shape, &powers.view);
    for_each_real(norms, [&](double sum) { return std::pow(sum, 1 / power); });
    return norms;
}

Scratch variance_of(const View& in, const Shape& shape, double count, const Request& request) {
    const Scratch means = mean_of(in, shape, count);
    Scratch variances = reduce(ReduceOp::squared_distance, in, shape, &means.view);
    divide(variances, request.unbiased ? count - 1 : count);
    if (request.kind == Reduction::std)
        for_each_real(variances, [](double variance) { return std::sqrt(variance); });
    return variances;
}

/// The values of the reduction, in accumulators of `shape`.
Scratch compute(const Request& request, const View& in, const Shape& shape) {
    const double count =
        double(in.shape.count()) / double(std::max<std::int64_t>(shape.count(), 1));
    switch (request.kind) {
        case Reduction::sum:
            return reduce(ReduceOp::sum, in, shape);
        case Reduction::prod:
            return reduce(ReduceOp::prod, in, shape);
        case Reduction::all:
            return reduce(ReduceOp::all, in, shape);
        case Reduction::any:
            return reduce(ReduceOp::any, in, shape);
        case Reduction::norm:
            return norm_of(in, shape, request.power);
        case Reduction::mean:
            if (count == 0) fail(ErrorCode::usage, "mean of a tensor without elements");
            return mean_of(in, shape, count);
        case Reduction::var:
        case Reduction::std:
            if (count == 0) fail(ErrorCode::usage, "{} of a tensor without elements", request.name);
            return variance_of(in, shape, count, request);
    }
    __builtin_unreachable();
}

/// Pushes the number, or for all and any the boolean, that everything reduces to.
int push_total(lua_State* lua, const Request& request, const View& in) {
    Scalar total;
    run(lua, [&] {
        // One accumulator; a tensor without a dimension is a vector without elements.
        Shape shape{in.shape.dims == 0 ? 1 : in.shape.dims, {}};
        for (int d = 0; d < shape.dims; ++d) shape.sizes[d] = 1;
        View elements = in;
        if (in.shape.dims == 0) elements.shape = {1, {0}};
        const Scratch result = compute(request, elements, shape);
        total = load_element(result.view.dtype, result.view.data);
    });
    if (request.kind == Reduction::all || request.kind == Reduction::any)
        lua_pushboolean(lua, total.integer != 0 || total.real != 0);
    else
        push_scalar(lua, total);
    return 1;
}

int reduction(lua_State* lua) {
    const Call call = begin_call(lua);
    Request request{.kind = Reduction(call.op), .name = call.name};
    const int source = call.is("TTN") || call.is("TTNN") || call.is("TTNB") ? 2 : 1;
    const bool is_norm = request.kind == Reduction::norm;
    const bool has_flag = request.kind == Reduction::var || request.kind == Reduction::std;
    const char* kinds = call.pattern + source;
    const bool fits = std::strcmp(kinds, "") == 0 || std::strcmp(kinds, "N") == 0 ||
                      (std::strcmp(kinds, "NN") == 0 && is_norm) ||
                      (std::strcmp(kinds, "NB") == 0 && has_flag) ||
                      (std::strcmp(kinds, "B") == 0 && has_flag);
    if (!fits || call.pattern[0] != 'T')
        raise_usage(lua, call.name,
                    is_norm    ? "([result,] tensor [, power [, dimension]])"
                    : has_flag ? "([result,] tensor [, dimension] [, divide by n])"
                               : "([result,] tensor [, dimension])");
    const Tensor& self = check_tensor(lua, source);
    const int last = lua_gettop(lua);
    if (has_flag && lua_isboolean(lua, last)) request.unbiased = !lua_toboolean(lua, last);
    if (is_norm && kinds[0] == 'N') request.power = lua_tonumber(lua, source + 1);
    const int dim_index = is_norm ? source + 2 : source + 1;
    const bool whole = lua_type(lua, dim_index) != LUA_TNUMBER;
    if (whole) return push_total(lua, request, view_of(self));
    request.dim = check_dimension(lua, dim_index, self);
    const bool is_truth = request.kind == Reduction::all || request.kind == Reduction::any;
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View in = view_of(self);
        if (request.kind == Reduction::mean && !is_floating(in.dtype))
            fail(ErrorCode::usage,
                 "mean along a dimension needs a floating-point tensor, not a {}; convert it "
                 "with :double()",
                 tensor_name_of(in.dtype));
        Shape shape = in.shape;
        shape.sizes[request.dim] = 1;
        const Scratch values = compute(request, in, shape);
        prepare_result(lua, call.name, result, is_truth ? Dtype::u8 : in.dtype, shape);
        copy(values.view, view_of(result));
    });
    return 1;
}

/// dist(a, b [, power]) -> the norm of a - b
int distance(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("TT") && !call.is("TTN")) raise_usage(lua, "dist", "(tensor, tensor [, power])");
    const Tensor& a = check_tensor(lua, 1);
    const Tensor& b = check_tensor(lua, 2);
    const double power = luaL_optnumber(lua, 3, 2);
    double result = 0;
    run(lua, [&] {
        check_same_dtype("dist", a.dtype(), b.dtype());
        if (a.count() != b.count())
            fail(ErrorCode::usage, "dist: sizes {} and {} have different numbers of elements",
                 format_shape(shape_of(a)), format_shape(shape_of(b)));
        const Scratch left = converted(view_of(a), Dtype::f64);
        const Scratch right = converted(view_of(b), Dtype::f64);
        View difference = left.view;  // element by element, whatever the shapes
        difference.shape = {1, {a.count()}};
        difference.strides[0] = 1;
        View subtracted = difference;
        subtracted.data = right.view.data;
        binary(BinaryOp::sub, difference, difference, subtracted);
        const Scratch norm = norm_of(difference, {1, {1}}, power);
        result = load_element(norm.view.dtype, norm.view.data).real;
    });
    lua_pushnumber(lua, result);
    return 1;
}

}  // namespace

void register_reductions(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"sum", reduction, int(Reduction::sum)},
        {"prod", reduction, int(Reduction::prod)},
        {"mean", reduction, int(Reduction::mean)},
        {"norm", reduction, int(Reduction::norm)},
        {"var", reduction, int(Reduction::var)},
        {"std", reduction, int(Reduction::std)},
        {"dist", distance},
        {"all", reduction, int(Reduction::all)},
        {"any", reduction, int(Reduction::any)},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
