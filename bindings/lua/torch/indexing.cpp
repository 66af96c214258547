// SPDX-License-Identifier: Apache-2.0
// t[i], t[{...}], t[mask], and the methods that pick parts: select, narrow, sub.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/masks.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

void narrow(View& view, int dim, std::int64_t first, std::int64_t size) {
    view.data += first * view.strides[dim] * std::int64_t(size_of(view.dtype));
    view.shape.sizes[dim] = size;
}

/// Removes `dim`, at `index` of it.
void select(View& view, int dim, std::int64_t index) {
    narrow(view, dim, index, 1);
    std::copy(view.shape.sizes + dim + 1, view.shape.sizes + view.shape.dims,
              view.shape.sizes + dim);
    std::copy(view.strides + dim + 1, view.strides + view.shape.dims, view.strides + dim);
    --view.shape.dims;
}

/// Makes `result` the part `view` of the tensor `of`; returns 1, the count of results. Push
/// `result` before the view is computed: pushing may collect garbage, and a finaliser may resize
/// `of`.
int return_part(Tensor& result, const Tensor& of, const View& view) {
    set_view(result, of, view);
    return 1;
}

int push_element(lua_State* lua, const View& view) {
    push_scalar(lua, load_element(view.dtype, view.data));
    return 1;
}

/// Narrows `view`, in its dimension `dim`, by the table {first [, last]} on top of the stack.
void narrow_by_table(lua_State* lua, View& view, int dim) {
    const lua_Unsigned count = lua_rawlen(lua, -1);
    if (count == 0) return;
    if (count > 2) luaL_error(lua, "index: a range is {}, {first} or {first, last}");
    std::int64_t ends[2];
    for (lua_Unsigned i = 1; i <= count; ++i) {
        int is_integer = 0;
        lua_rawgeti(lua, -1, lua_Integer(i));
        const std::int64_t given = lua_tointegerx(lua, -1, &is_integer);
        if (!is_integer)
            luaL_error(lua, "index: a range holds integers, not a %s", luaL_typename(lua, -1));
        lua_pop(lua, 1);
        const std::int64_t size = view.shape.sizes[dim];
        ends[i - 1] = given < 0 ? given + size : given - 1;
        if (ends[i - 1] < 0 || ends[i - 1] >= size)
            luaL_error(lua, "index %I out of range: dimension %d has size %I", lua_Integer(given),
                       dim + 1, lua_Integer(size));
    }
    const std::int64_t last = count == 2 ? ends[1] : ends[0];
    if (last < ends[0]) luaL_error(lua, "index: the range ends before it begins");
    narrow(view, dim, ends[0], last - ends[0] + 1);
}

/// How many dimensions the table at 2 removes.
int selected_dims(lua_State* lua) {
    const int count = int(std::min<lua_Unsigned>(lua_rawlen(lua, 2), tensor_dims_max + 1));
    int selected = 0;
    for (int i = 1; i <= count; ++i) {
        if (lua_rawgeti(lua, 2, i) != LUA_TTABLE) ++selected;
        lua_pop(lua, 1);
    }
    return selected;
}

/// What the table at 2 names: a number selects, a table narrows, dimension by dimension.
View view_by_table(lua_State* lua, const Tensor& tensor) {
    View view = view_of(tensor);
    const int count = int(std::min<lua_Unsigned>(lua_rawlen(lua, 2), tensor_dims_max + 1));
    if (count > view.shape.dims)
        luaL_error(lua, "index: %d indices for a tensor with %d dimensions", count,
                   view.shape.dims);
    int dim = 0;
    for (int i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 2, i);
        if (lua_istable(lua, -1))
            narrow_by_table(lua, view, dim++);
        else
            select(view, dim, check_index(lua, lua_gettop(lua), view.shape.sizes[dim]));
        lua_pop(lua, 1);
    }
    return view;
}

View view_by_number(lua_State* lua, const Tensor& tensor) {
    if (tensor.dims == 0) luaL_error(lua, "index: the tensor is empty");
    View view = view_of(tensor);
    select(view, 0, check_index(lua, 2, tensor.sizes[0]));
    return view;
}

int select_method(lua_State* lua) {
    lua_settop(lua, 3);
    const Tensor& self = check_tensor(lua, 1);
    const int dim = check_dimension(lua, 2, self);
    Tensor* result = self.dims > 1 ? &push_tensor(lua) : nullptr;
    const std::int64_t index = check_index(lua, 3, self.sizes[dim]);
    View view = view_of(self);
    select(view, dim, index);
    return result != nullptr ? return_part(*result, self, view) : push_element(lua, view);
}

/// t:narrow(dim, first, size)
int narrow_method(lua_State* lua) {
    lua_settop(lua, 4);
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    const int dim = check_dimension(lua, 2, self);
    const lua_Integer first = luaL_checkinteger(lua, 3);
    const lua_Integer size = luaL_checkinteger(lua, 4);
    if (first < 1 || size < 0 || first - 1 > self.sizes[dim] - size)
        luaL_error(lua, "narrow: %I elements from %I reach outside dimension %d of size %I",
                   lua_Integer(size), lua_Integer(first), dim + 1, lua_Integer(self.sizes[dim]));
    View view = view_of(self);
    narrow(view, dim, first - 1, size);
    return return_part(result, self, view);
}

/// t:sub(first1, last1 [, first2, last2, ...])
int sub_method(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const int ends = lua_gettop(lua) - 1;
    Tensor& result = push_tensor(lua);
    if (ends < 2 || ends % 2 != 0 || ends / 2 > self.dims)
        luaL_error(lua, "sub: expected a first and a last index for each of at most %d dimensions",
                   self.dims);
    View view = view_of(self);
    for (int d = 0; d < ends / 2; ++d) {
        const std::int64_t first = check_index(lua, 2 + 2 * d, self.sizes[d]);
        const std::int64_t last = check_index(lua, 3 + 2 * d, self.sizes[d]);
        if (last < first) luaL_argerror(lua, 3 + 2 * d, "the range ends before it begins");
        narrow(view, d, first, last - first + 1);
    }
    return return_part(result, self, view);
}

}  // namespace

int index_tensor(lua_State* lua) {
    switch (lua_type(lua, 2)) {
        case LUA_TSTRING:
            if (std::strcmp(lua_tostring(lua, 2), "new") == 0) {
                // t.new(...) makes another of its type; the methods do not know which that is.
                push_constructor(lua, check_tensor(lua, 1).dtype());
                return 1;
            }
            lua_pushvalue(lua, 2);
            lua_rawget(lua, lua_upvalueindex(1));
            return 1;
        case LUA_TNUMBER: {
            const Tensor& self = check_tensor(lua, 1);
            if (self.dims <= 1) return push_element(lua, view_by_number(lua, self));
            Tensor& result = push_tensor(lua);
            return return_part(result, self, view_by_number(lua, self));
        }
        case LUA_TTABLE: {
            const Tensor& self = check_tensor(lua, 1);
            if (selected_dims(lua) == self.dims && self.dims > 0)
                return push_element(lua, view_by_table(lua, self));
            Tensor& result = push_tensor(lua);
            return return_part(result, self, view_by_table(lua, self));
        }
        default:
            return masked_select(lua);
    }
}

int set_index_tensor(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    const Tensor* value = test_tensor(lua, 3);
    if (test_tensor(lua, 2) != nullptr)
        return value != nullptr ? masked_copy(lua) : masked_fill(lua);
    if (lua_type(lua, 2) != LUA_TNUMBER && !lua_istable(lua, 2))
        raise_expected(lua, 2, "an index (a number, a table or a ByteTensor)");
    View part = lua_istable(lua, 2) ? view_by_table(lua, self) : view_by_number(lua, self);
    if (value == nullptr) {
        const Scalar scalar = check_element(lua, 3, self.dtype());
        if (part.shape.dims == 0) {
            store_element(part.dtype, part.data, scalar);
            return 0;
        }
        run(lua, [&] {
            check_writable(part, "assignment");
            fill(part, scalar);
        });
        return 0;
    }
    if (part.shape.dims == 0) part.shape = {1, {1}};
    run(lua, [&] {
        check_writable(part, "assignment");
        copy(view_of(*value), part);
    });
    return 0;
}

void register_indexing(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"select", select_method},
        {"narrow", narrow_method},
        {"sub", sub_method, 0, Entry::method_only},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
