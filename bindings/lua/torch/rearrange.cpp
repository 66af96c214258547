// SPDX-License-Identifier: Apache-2.0
// Views with the dimensions in another order or cut up, and copies side by side: permute, unfold,
// split, chunk, repeatTensor.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// t:permute(d1, d2, ...): every dimension once
int permute(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const int count = lua_gettop(lua) - 1;
    if (count != self.dims)
        return luaL_error(lua, "permute: %d dimensions given for a tensor with %d", count,
                          self.dims);
    Tensor& result = push_tensor(lua);
    const View from = view_of(self);
    View view = from;
    bool used[tensor_dims_max] = {};
    for (int d = 0; d < count; ++d) {
        const int source = check_dimension(lua, d + 2, self);
        if (used[source]) luaL_argerror(lua, d + 2, "the dimension is given twice");
        used[source] = true;
        view.shape.sizes[d] = from.shape.sizes[source];
        view.strides[d] = from.strides[source];
    }
    set_view(result, self, view);
    return 1;
}

/// t:unfold(dim, size, step): windows along `dim`, their elements in a new last dimension
int unfold(lua_State* lua) {
    lua_settop(lua, 4);
    const Tensor& self = check_tensor(lua, 1);
    const int dim = check_dimension(lua, 2, self);
    const lua_Integer size = luaL_checkinteger(lua, 3);
    const lua_Integer step = luaL_checkinteger(lua, 4);
    luaL_argcheck(lua, step >= 1, 4, "the step is below 1");
    luaL_argcheck(lua, self.dims < tensor_dims_max, 1, "the tensor has too many dimensions");
    if (size < 1 || size > self.sizes[dim])
        luaL_error(lua, "unfold: windows of %I elements do not fit dimension %d of size %I", size,
                   dim + 1, lua_Integer(self.sizes[dim]));
    Tensor& result = push_tensor(lua);
    View view = view_of(self);
    const std::int64_t windows = (view.shape.sizes[dim] - size) / step + 1;
    view.strides[view.shape.dims] = view.strides[dim];
    view.shape.sizes[view.shape.dims++] = size;
    // The stride of a single window is never used, and might not be representable.
    if (windows > 1) view.strides[dim] *= step;
    view.shape.sizes[dim] = windows;
    set_view(result, self, view);
    return 1;
}

/// Pushes a table of parts: `part_size` elements along `dim` each, fewer in the last.
int push_parts(lua_State* lua, int table, int source, int dim, std::int64_t part_size) {
    const std::int64_t size = check_tensor(lua, source).sizes[dim];
    if (table != 0)
        lua_pushvalue(lua, table);
    else
        lua_newtable(lua);
    lua_Integer count = 0;
    for (std::int64_t first = 0; first < size; first += part_size) {
        Tensor& part = push_tensor(lua);
        const Tensor& self = check_tensor(lua, source);
        // A finaliser may have changed it.
        if (dim >= self.dims || self.sizes[dim] != size)
            luaL_error(lua, "split: the tensor changed its size meanwhile");
        View view = view_of(self);
        view.data += first * view.strides[dim] * std::int64_t(size_of(view.dtype));
        view.shape.sizes[dim] = std::min(part_size, size - first);
        set_view(part, self, view);
        lua_rawseti(lua, -2, ++count);
        if (part_size > size - first) break;  // `first` must not overflow
    }
    for (lua_Integer left = lua_Integer(lua_rawlen(lua, -1)); left > count; --left) {
        lua_pushnil(lua);  // of an earlier call
        lua_rawseti(lua, -2, left);
    }
    return 1;
}

/// split([table,] t, size [, dim]) and chunk([table,] t, count [, dim]) -> a table of views
int split(lua_State* lua) {
    const Call call = begin_call(lua);
    const bool is_chunk = call.op == 1;
    const int source = call.is("LTN") || call.is("LTNN") ? 2 : 1;
    if (source == 1 && !call.is("TN") && !call.is("TNN"))
        raise_usage(lua, call.name,
                    is_chunk ? "([table,] tensor, how many [, dimension])"
                             : "([table,] tensor, size of a part [, dimension])");
    const Tensor& self = check_tensor(lua, source);
    const lua_Integer given = luaL_checkinteger(lua, source + 1);
    luaL_argcheck(lua, given >= 1, source + 1, "must be at least 1");
    if (self.dims == 0) return luaL_error(lua, "%s: the tensor has no dimension", call.name);
    const bool has_dim = !lua_isnoneornil(lua, source + 2);
    const int dim = has_dim ? check_dimension(lua, source + 2, self) : 0;
    const std::int64_t size = self.sizes[dim];
    const std::int64_t part =
        !is_chunk ? given : std::max<std::int64_t>(size / given + (size % given != 0), 1);
    return push_parts(lua, source - 1, source, dim, part);
}

/// Fills `to` with copies of its first corner, which has the shape `corner`.
void repeat_corner(const View& to, Shape corner) {
    const std::int64_t item = std::int64_t(size_of(to.dtype));
    for (int d = 0; d < corner.dims; ++d) {
        View from = to;
        from.shape = corner;
        const std::int64_t size = corner.sizes[d];
        for (std::int64_t done = size; done > 0 && done < to.shape.sizes[d]; done += size) {
            View next = from;
            next.data += done * to.strides[d] * item;
            copy(from, next);
        }
        corner.sizes[d] = to.shape.sizes[d];
    }
}

/// repeatTensor([result,] t, times along the first dimension, ...)
int repeat_tensor(lua_State* lua) {
    const int source = test_tensor(lua, 2) != nullptr ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    const Shape times = check_shape(lua, source + 1);
    if (times.dims < self.dims || self.dims == 0)
        return luaL_error(lua, "repeatTensor: %d repetitions given for a tensor with %d dimensions",
                          times.dims, self.dims);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const Scratch from = converted(view_of(self), self.dtype());
        (void)checked_count(times);  // negative ones
        Shape corner{times.dims, {}};
        Shape shape = corner;
        for (int d = 0; d < times.dims; ++d) {
            const int own = d - (times.dims - from.view.shape.dims);
            corner.sizes[d] = own < 0 ? 1 : from.view.shape.sizes[own];
            if (__builtin_mul_overflow(corner.sizes[d], times.sizes[d], &shape.sizes[d]))
                fail(ErrorCode::usage, "repeatTensor: size {} times {} does not fit any memory",
                     corner.sizes[d], times.sizes[d]);
        }
        prepare_result(lua, "repeatTensor", result, from.view.dtype, shape);
        if (shape.count() == 0) return;
        View first = view_of(result);
        first.shape = corner;
        copy(from.view, first);
        repeat_corner(view_of(result), corner);
    });
    return 1;
}

}  // namespace

void register_rearranging(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"permute", permute}, {"unfold", unfold, 0, Entry::method_only}, {"split", split, 0},
        {"chunk", split, 1},  {"repeatTensor", repeat_tensor},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
