// SPDX-License-Identifier: Apache-2.0
// Parts of matrices: tril, triu, diag, trace; and nonzero, which finds the places of elements.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/reduce.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

/// Every diagonal of a matrix lies between these, and the numbers cannot overflow.
std::int64_t clamp_diagonal(std::int64_t k, const Shape& shape) {
    return std::clamp(k, -shape.sizes[0], shape.sizes[1]);
}

/// The elements [i][i + k] of a matrix; maybe none.
View diagonal_of(const View& matrix, std::int64_t given) {
    const std::int64_t k = clamp_diagonal(given, matrix.shape);
    const std::int64_t row = std::max<std::int64_t>(-k, 0);
    const std::int64_t column = std::max<std::int64_t>(k, 0);
    View view = matrix;
    view.shape = {1, {std::min(matrix.shape.sizes[0] - row, matrix.shape.sizes[1] - column)}};
    view.strides[0] = matrix.strides[0] + matrix.strides[1];
    if (view.shape.sizes[0] > 0)
        view.data += (row * matrix.strides[0] + column * matrix.strides[1]) *
                     std::int64_t(size_of(matrix.dtype));
    return view;
}

/// Sets to 0 what lies above (or below) the diagonal `k`.
void clear_triangle(const View& matrix, bool above, std::int64_t k) {
    const std::int64_t columns = matrix.shape.sizes[1];
    const std::int64_t item = std::int64_t(size_of(matrix.dtype));
    for (std::int64_t row = 0; row < matrix.shape.sizes[0]; ++row) {
        const std::int64_t first = above ? std::clamp<std::int64_t>(row + k + 1, 0, columns) : 0;
        const std::int64_t last = above ? columns : std::clamp<std::int64_t>(row + k, 0, columns);
        if (first >= last) continue;
        View part = matrix;
        part.data += (row * matrix.strides[0] + first * matrix.strides[1]) * item;
        part.shape = {1, {last - first}};
        part.strides[0] = matrix.strides[1];
        fill(part, Scalar());
    }
}

/// Where the arguments ([result,] tensor [, k]) begin to matter.
int check_source(lua_State* lua, const Call& call) {
    if (call.is("T") || call.is("TN")) return 1;
    if (!call.is("TT") && !call.is("TTN"))
        raise_usage(lua, call.name, "([result,] tensor [, diagonal])");
    return 2;
}

/// tril([result,] m [, k]), triu
int triangle(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = check_source(lua, call);
    const Tensor& self = check_tensor(lua, source);
    const lua_Integer given = luaL_optinteger(lua, source + 1, 0);
    if (self.dims != 2) raise_expected(lua, source, "a matrix (two dimensions)");
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View from = view_of(self);
        prepare_result(lua, call.name, result, from.dtype, from.shape);
        copy(from, view_of(result));
        clear_triangle(view_of(result), call.op == 0, clamp_diagonal(given, from.shape));
    });
    return 1;
}

/// diag([result,] v [, k]) -> a matrix; diag([result,] m [, k]) -> a vector
int diagonal(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = check_source(lua, call);
    const Tensor& self = check_tensor(lua, source);
    const lua_Integer k = luaL_optinteger(lua, source + 1, 0);
    if (self.dims != 1 && self.dims != 2)
        raise_expected(lua, source, "a vector or a matrix (one or two dimensions)");
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const Scratch from = converted(view_of(self), self.dtype());
        if (from.view.shape.dims == 2) {
            const View part = diagonal_of(from.view, k);
            if (part.shape.sizes[0] <= 0)
                fail(ErrorCode::usage, "diag: a matrix of size {} has no diagonal {}",
                     format_shape(from.view.shape), k);
            prepare_result(lua, "diag", result, part.dtype, part.shape);
            return copy(part, view_of(result));
        }
        constexpr std::int64_t far = std::int64_t(1) << 40;  // no matrix is larger
        if (k > far || k < -far) fail(ErrorCode::usage, "diag: diagonal {} is too far out", k);
        const std::int64_t size = from.view.shape.sizes[0] + (k < 0 ? -k : k);
        prepare_result(lua, "diag", result, from.view.dtype, {2, {size, size}});
        fill(view_of(result), Scalar());
        if (from.view.shape.count() > 0) copy(from.view, diagonal_of(view_of(result), k));
    });
    return 1;
}

int trace(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    if (self.dims != 2) raise_expected(lua, 1, "a matrix (two dimensions)");
    Scalar total;
    run(lua, [&] {
        const Scratch sum = reduce(ReduceOp::sum, diagonal_of(view_of(self), 0), {1, {1}});
        total = load_element(sum.view.dtype, sum.view.data);
    });
    push_scalar(lua, total);
    return 1;
}

/// Calls `visit(index)` with the indices, from 0, of every element that is not 0.
template <typename Visit>
void for_each_nonzero(const View& view, Visit&& visit) {
    const Scratch flat = converted(view, view.dtype);
    const std::byte* element = flat.view.data;
    const std::size_t item = size_of(view.dtype);
    const std::int64_t count = view.shape.count();
    std::int64_t index[tensor_dims_max] = {};
    for (std::int64_t i = 0; i < count; ++i, element += item) {
        if (load_element(view.dtype, element).real != 0) visit(index);
        for (int d = view.shape.dims - 1; d >= 0 && ++index[d] == view.shape.sizes[d]; --d)
            index[d] = 0;
    }
}

/// nonzero([LongTensor,] t) -> a LongTensor with one row of indices for every element
int nonzero(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("T") && !call.is("TT")) raise_usage(lua, "nonzero", "([LongTensor,] tensor)");
    const int source = call.is("TT") ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View view = view_of(self);
        std::int64_t count = 0;
        for_each_nonzero(view, [&](const std::int64_t*) { ++count; });
        const Shape shape = count == 0 ? Shape() : Shape{2, {count, view.shape.dims}};
        const Scratch places(Dtype::i64, shape);
        auto* next = reinterpret_cast<std::int64_t*>(places.view.data);
        for_each_nonzero(view, [&](const std::int64_t* index) {
            for (int d = 0; d < view.shape.dims; ++d) *next++ = index[d] + 1;
        });
        prepare_result(lua, "nonzero", result, Dtype::i64, shape);
        copy(places.view, view_of(result));
    });
    return 1;
}

}  // namespace

void register_matrices(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"tril", triangle, 0}, {"triu", triangle, 1}, {"diag", diagonal},
        {"trace", trace},      {"nonzero", nonzero},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
