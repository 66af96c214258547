// SPDX-License-Identifier: Apache-2.0
// max, min, sort, cumsum, cumprod, and cat, as scripts call them.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/lanes.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/reduce.hpp"

namespace ipcrun::lua {

namespace {

/// max(t) -> number; max([values, indices,] t, dim) -> values, indices
int extremes(lua_State* lua) {
    const Call call = begin_call(lua);
    const bool largest = call.op == 0;
    if (call.is("T")) {
        const Tensor& self = check_tensor(lua, 1);
        Scalar result;
        run(lua, [&] {
            const View in = view_of(self);
            if (in.shape.count() == 0)
                fail(ErrorCode::usage, "{} of a tensor without elements", call.name);
            Shape shape = in.shape;
            for (int d = 0; d < shape.dims; ++d) shape.sizes[d] = 1;
            const Scratch best = reduce(largest ? ReduceOp::max : ReduceOp::min, in, shape);
            result = load_element(best.view.dtype, best.view.data);
        });
        push_scalar(lua, result);
        return 1;
    }
    const int source = call.is("TTTN") ? 3 : 1;
    if (source == 1 && !call.is("TN"))
        raise_usage(lua, call.name, "(tensor) or ([values, indices,] tensor, dimension)");
    const Tensor& self = check_tensor(lua, source);
    const int dim = check_dimension(lua, source + 1, self);
    Tensor& values = push_result(lua, source == 3 ? 1 : 0);
    Tensor& indices = push_result(lua, source == 3 ? 2 : 0);
    run(lua, [&] {
        const StoragePtr held = self.storage;
        const View in = view_of(self);
        Shape shape = in.shape;
        if (shape.sizes[dim] == 0)
            fail(ErrorCode::usage, "{} along a dimension without elements", call.name);
        shape.sizes[dim] = 1;
        prepare_result(lua, call.name, values, in.dtype, shape);
        prepare_result(lua, call.name, indices, Dtype::i64, shape);
        const Scratch best(in.dtype, shape);
        extreme(largest, in, dim, best.view, view_of(indices));
        copy(best.view, view_of(values));
    });
    return 2;
}

/// sort([values, indices,] t [, dim [, descending]]) -> values, indices
int sort_tensor(lua_State* lua) {
    const Call call = begin_call(lua);
    int source = 1;
    while (call.pattern[source] == 'T') ++source;
    const char* kinds = call.pattern + source;
    const bool fits = std::strcmp(kinds, "") == 0 || std::strcmp(kinds, "N") == 0 ||
                      std::strcmp(kinds, "NB") == 0 || std::strcmp(kinds, "B") == 0;
    if (!fits || call.pattern[0] != 'T' || (source != 1 && source != 3))
        raise_usage(lua, call.name,
                    "([values, indices,] tensor [, dimension] [, true for descending])");
    const Tensor& self = check_tensor(lua, source);
    const bool descending = lua_toboolean(lua, lua_gettop(lua)) && lua_isboolean(lua, -1);
    if (kinds[0] != 'N' && self.dims == 0) luaL_error(lua, "sort: the tensor has no dimension");
    const int dim = kinds[0] == 'N' ? check_dimension(lua, source + 1, self) : self.dims - 1;
    Tensor& values = push_result(lua, source == 3 ? 1 : 0);
    Tensor& indices = push_result(lua, source == 3 ? 2 : 0);
    run(lua, [&] {
        const StoragePtr held = self.storage;
        const View in = view_of(self);
        prepare_result(lua, call.name, values, in.dtype, in.shape);
        prepare_result(lua, call.name, indices, Dtype::i64, in.shape);
        const Scratch sorted(in.dtype, in.shape);
        sort(descending, in, dim, sorted.view, view_of(indices));
        copy(sorted.view, view_of(values));
    });
    return 2;
}

/// cumsum([result,] t [, dim]), cumprod
int cumulative(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = call.is("TTN") || call.is("TT") ? 2 : 1;
    if (source == 1 && !call.is("T") && !call.is("TN"))
        raise_usage(lua, call.name, "([result,] tensor [, dimension])");
    const Tensor& self = check_tensor(lua, source);
    if (self.dims == 0) luaL_error(lua, "%s: the tensor has no dimension", call.name);
    const bool has_dim = !lua_isnoneornil(lua, source + 1);
    const int dim = has_dim ? check_dimension(lua, source + 1, self) : 0;
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const StoragePtr held = self.storage;
        const View in = view_of(self);
        prepare_result(lua, call.name, result, in.dtype, in.shape);
        const Scratch sums(in.dtype, in.shape);
        accumulate_along(call.op == 1, in, dim, sums.view);
        copy(sums.view, view_of(result));
    });
    return 1;
}

/// The tensors that cat joins: the arguments from `first` on, or the elements of a table there.
struct Pieces {
    lua_State* lua;
    int first;
    bool in_table;
    int count;

    /// Borrowed: the argument, or the table, keeps it.
    Tensor* operator[](int i) const {
        if (!in_table) return test_tensor(lua, first + i);
        lua_rawgeti(lua, first, i + 1);
        Tensor* tensor = test_tensor(lua, -1);
        lua_pop(lua, 1);
        return tensor;
    }
};

/// Joins the pieces along `dim`; those without a dimension add nothing. Throws.
void join(lua_State* lua, Tensor& result, const Pieces& pieces, int dim) {
    Shape shape = shape_of(*pieces[0]);
    const Dtype dtype = pieces[0]->dtype();
    shape.dims = std::max(shape.dims, dim + 1);
    shape.sizes[dim] = 0;
    bool is_first = true;
    Shape first;
    for (int i = 0; i < pieces.count; ++i) {
        const Tensor& piece = *pieces[i];
        check_same_dtype("cat", piece.dtype(), dtype);
        if (piece.dims == 0) continue;
        Shape expected = shape_of(piece);
        while (expected.dims <= dim) expected.sizes[expected.dims++] = 1;
        const std::int64_t size = expected.sizes[dim];
        expected.sizes[dim] = shape.sizes[dim];
        if (is_first) {
            shape = expected;
            first = shape_of(piece);
        }
        is_first = false;
        if (!(expected == shape))
            fail(ErrorCode::usage, "cat: sizes {} and {} do not fit along dimension {}",
                 format_shape(first), format_shape(shape_of(piece)), dim + 1);
        shape.sizes[dim] += size;
    }
    Tensor joined;  // not yet `result`, which may be a piece
    allocate(lua, joined, dtype, shape);
    View part = view_of(joined);
    for (int i = 0; i < pieces.count; ++i) {
        const View piece = view_of(*pieces[i]);
        if (piece.shape.dims == 0) continue;
        part.shape.sizes[dim] = dim < piece.shape.dims ? piece.shape.sizes[dim] : 1;
        copy(piece, part);
        part.data += part.shape.sizes[dim] * part.strides[dim] * std::int64_t(size_of(dtype));
    }
    if (!result.storage) {
        result = joined;
        return;
    }
    prepare_result(lua, "cat", result, dtype, shape);
    copy(view_of(joined), view_of(result));
}

/// cat([result,] a, b [, dim]), cat([result,] {a, b, ...} [, dim]); the last dimension by default
int cat(lua_State* lua) {
    const Call call = begin_call(lua);
    Pieces pieces{lua, 1, false, 2};
    int result_index = 0;
    if (call.is("L") || call.is("LN")) {
        pieces.in_table = true;
    } else if (call.is("TL") || call.is("TLN")) {
        pieces = {lua, 2, true, 0};
        result_index = 1;
    } else if (call.is("TTT") || call.is("TTTN")) {
        pieces.first = 2;
        result_index = 1;
    } else if (!call.is("TT") && !call.is("TTN")) {
        raise_usage(lua, "cat",
                    "([result,] tensor, tensor [, dimension]) or "
                    "([result,] table of tensors [, dimension])");
    }
    if (pieces.in_table) pieces.count = int(lua_rawlen(lua, pieces.first));
    int dims = 1;
    for (int i = 0; i < pieces.count; ++i) {
        const Tensor* piece = pieces[i];
        if (piece == nullptr)
            luaL_error(lua, "cat: element %d of the table is not a tensor", i + 1);
        dims = std::max(dims, piece->dims);
    }
    if (pieces.count == 0) luaL_error(lua, "cat: the table is empty");
    const int last = lua_gettop(lua);
    const lua_Integer given =
        lua_type(lua, last) == LUA_TNUMBER ? luaL_checkinteger(lua, last) : dims;
    if (given < 1 || given > dims + 1 || given > tensor_dims_max)
        luaL_error(lua, "cat: dimension %I out of range", lua_Integer(given));
    Tensor& result = push_result(lua, result_index);
    luaL_checkstack(lua, 4, "cat");
    run(lua, [&] { join(lua, result, pieces, int(given) - 1); });
    return 1;
}

}  // namespace

void register_lanes(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"max", extremes, 0},      {"min", extremes, 1},       {"sort", sort_tensor},
        {"cumsum", cumulative, 0}, {"cumprod", cumulative, 1}, {"cat", cat},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
