// SPDX-License-Identifier: Apache-2.0
// Sizes, strides, and views that move no element.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// Makes `result` the `view` of the storage of `of`; returns 1, the count of results. Push `result`
/// before the view is computed: pushing may collect garbage, and a finaliser may resize `of`.
int return_view(Tensor& result, const Tensor& of, const View& view) {
    set_view(result, of, view);
    return 1;
}

/// t:size(), t:size(d); likewise stride.
int size_or_stride(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const bool is_size = lua_tointeger(lua, lua_upvalueindex(2)) == 0;
    const std::int64_t* values = is_size ? self.sizes : self.strides;
    if (lua_isnoneornil(lua, 2))
        push_sizes(lua, values, self.dims);
    else
        lua_pushinteger(lua, values[check_dimension(lua, 2, self)]);
    return 1;
}

int dimension_count(lua_State* lua) {
    lua_pushinteger(lua, check_tensor(lua, 1).dims);
    return 1;
}

int element_count(lua_State* lua) {
    lua_pushinteger(lua, check_tensor(lua, 1).count());
    return 1;
}

int storage(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    // Not in one expression, which would copy the share first and lose it if the push raised.
    StorageObject& object = push_storage(lua);
    object.storage = self.storage;
    return 1;
}

int storage_offset(lua_State* lua) {
    lua_pushinteger(lua, check_tensor(lua, 1).offset + 1);
    return 1;
}

int is_contiguous(lua_State* lua) {
    lua_pushboolean(lua, check_tensor(lua, 1).is_contiguous());
    return 1;
}

int is_same_size(lua_State* lua) {
    lua_pushboolean(lua, shape_of(check_tensor(lua, 1)) == shape_of(check_tensor(lua, 2)));
    return 1;
}

/// t:isSize(sizes)
int is_size(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    lua_pushboolean(lua, shape_of(self) == check_shape(lua, 2));
    return 1;
}

/// t:isSetTo(other): the same elements of the same storage
int is_set_to(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const Tensor& other = check_tensor(lua, 2);
    lua_pushboolean(lua, self.storage.get() == other.storage.get() &&
                             same_elements(view_of(self), view_of(other)));
    return 1;
}

int resize_tensor(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    const Tensor* as = test_tensor(lua, 2);
    const Shape shape = as != nullptr ? shape_of(*as) : check_shape(lua, 2);
    run(lua, [&] { resize(lua, self, shape); });
    lua_settop(lua, 1);
    return 1;
}

/// Replaces a -1 among the sizes by what `count` elements leave for it.
void infer_size(Shape& shape, std::int64_t count, const char* name) {
    int unknown = -1;
    Shape known = shape;
    for (int d = 0; d < shape.dims; ++d) {
        if (shape.sizes[d] != -1) continue;
        if (unknown >= 0) fail(ErrorCode::usage, "{}: only one size can be -1", name);
        unknown = d;
        known.sizes[d] = 1;
    }
    const std::int64_t product = checked_count(known);
    const bool divides = unknown >= 0 && product > 0 && count % product == 0;
    if (divides) shape.sizes[unknown] = count / product;
    if (!divides && (unknown >= 0 || product != count))
        fail(ErrorCode::usage, "{}: {} elements cannot be seen as size {}", name, count,
             format_shape(shape));
}

/// reshape([result,] t, sizes): a copy
int reshape(lua_State* lua) {
    const bool has_result = test_tensor(lua, 2) != nullptr && lua_gettop(lua) > 2;
    const int source = has_result ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    const Tensor* as = test_tensor(lua, source + 1);
    const Shape given = as != nullptr ? shape_of(*as) : check_shape(lua, source + 1);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        Shape shape = given;
        infer_size(shape, self.count(), "reshape");
        const StoragePtr held = self.storage;
        const View from = view_of(self);
        prepare_result(lua, "reshape", result, from.dtype, shape);
        copy(from, view_of(result));
    });
    return 1;
}

/// t:view(sizes), t:viewAs(other): share memory
int view_as(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const Tensor* as = test_tensor(lua, 2);
    const Shape given = as != nullptr ? shape_of(*as) : check_shape(lua, 2);
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        Shape shape = given;
        infer_size(shape, self.count(), "view");
        if (!self.is_contiguous())
            fail(ErrorCode::usage,
                 "view: the tensor is not contiguous; use :reshape() or :contiguous():view()");
        View view = view_of(self);
        view.shape = shape;
        set_contiguous_strides(shape, view.strides);
        set_view(result, self, view);
    });
    return 1;
}

int expand_tensor(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const Tensor* as = test_tensor(lua, 2);
    Shape shape = as != nullptr ? shape_of(*as) : check_shape(lua, 2);
    for (int d = 1; d <= shape.dims && d <= self.dims; ++d) {
        std::int64_t& size = shape.sizes[shape.dims - d];
        if (size == -1) size = self.sizes[self.dims - d];
    }
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        checked_count(shape);
        set_view(result, self, expand(view_of(self), shape, "expand"));
    });
    return 1;
}

/// t:transpose(d1, d2), and t:t() for matrices
int transpose(lua_State* lua) {
    lua_settop(lua, 3);
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    const bool is_short = lua_tointeger(lua, lua_upvalueindex(2)) != 0;
    if (is_short && self.dims != 2) raise_expected(lua, 1, "a matrix (two dimensions)");
    const int first = is_short ? 0 : check_dimension(lua, 2, self);
    const int second = is_short ? 1 : check_dimension(lua, 3, self);
    View view = view_of(self);
    std::swap(view.shape.sizes[first], view.shape.sizes[second]);
    std::swap(view.strides[first], view.strides[second]);
    return return_view(result, self, view);
}

/// t:squeeze(), t:squeeze(d): without the dimensions of size 1. At least one dimension stays.
int squeeze(lua_State* lua) {
    lua_settop(lua, 2);
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    const int only = lua_isnoneornil(lua, 2) ? -1 : check_dimension(lua, 2, self);
    View view = view_of(self);
    view.shape.dims = 0;
    for (int d = 0; d < self.dims; ++d) {
        if (self.sizes[d] == 1 && (only == -1 || only == d)) continue;
        view.shape.sizes[view.shape.dims] = self.sizes[d];
        view.strides[view.shape.dims++] = self.strides[d];
    }
    if (view.shape.dims == 0 && self.dims > 0) {
        view.shape = {1, {1}};
        view.strides[0] = 1;
    }
    return return_view(result, self, view);
}

int unsqueeze(lua_State* lua) {
    lua_settop(lua, 2);
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    const lua_Integer given = luaL_checkinteger(lua, 2);
    if (given < 1 || given > self.dims + 1 || self.dims == 0 || self.dims == tensor_dims_max)
        luaL_argerror(lua, 2,
                      lua_pushfstring(lua, "dimension %I out of range", lua_Integer(given)));
    View view = view_of(self);
    const int at = int(given) - 1;
    std::copy_backward(view.shape.sizes + at, view.shape.sizes + self.dims,
                       view.shape.sizes + self.dims + 1);
    std::copy_backward(view.strides + at, view.strides + self.dims, view.strides + self.dims + 1);
    view.shape.sizes[at] = 1;
    view.strides[at] = at < self.dims ? view.strides[at + 1] * view.shape.sizes[at + 1] : 1;
    ++view.shape.dims;
    return return_view(result, self, view);
}

}  // namespace

void register_shapes(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"size", size_or_stride, 0, Entry::method_only},
        {"stride", size_or_stride, 1, Entry::method_only},
        {"dim", dimension_count, 0, Entry::method_only},
        {"nDimension", dimension_count, 0, Entry::method_only},
        {"nElement", element_count, 0, Entry::method_only},
        {"numel", element_count},
        {"storage", storage, 0, Entry::method_only},
        {"storageOffset", storage_offset, 0, Entry::method_only},
        {"isContiguous", is_contiguous, 0, Entry::method_only},
        {"isSameSizeAs", is_same_size, 0, Entry::method_only},
        {"resize", resize_tensor, 0, Entry::method_only},
        {"resizeAs", resize_tensor, 0, Entry::method_only},
        {"isSize", is_size, 0, Entry::method_only},
        {"isSetTo", is_set_to, 0, Entry::method_only},
        {"view", view_as},
        {"viewAs", view_as},
        {"reshape", reshape},
        {"expand", expand_tensor},
        {"expandAs", expand_tensor},
        {"transpose", transpose, 0},
        {"t", transpose, 1},
        {"squeeze", squeeze},
        {"unsqueeze", unsqueeze},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
