// SPDX-License-Identifier: Apache-2.0
// What a tensor is, and conversions between the types.
#include <algorithm>

#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/format.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// Pushes `tensor` itself when it has the dtype, as in torch7, else a converted copy.
int push_converted(lua_State* lua, int index, Dtype dtype) {
    const Tensor& tensor = check_tensor(lua, index);
    if (tensor.dtype() == dtype) {
        lua_pushvalue(lua, index);
        return 1;
    }
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        allocate(lua, result, dtype, shape_of(tensor));
        copy(view_of(tensor), view_of(result));
    });
    return 1;
}

int to_dtype(lua_State* lua) {
    return push_converted(lua, 1, Dtype(lua_tointeger(lua, lua_upvalueindex(2))));
}

int type_as(lua_State* lua) {
    check_tensor(lua, 1);
    return push_converted(lua, 1, check_tensor(lua, 2).dtype());
}

/// t:type(), t:type('torch.FloatTensor')
int type(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    if (lua_isnoneornil(lua, 2)) {
        lua_pushstring(lua, tensor_name_of(self.dtype()));
        return 1;
    }
    Dtype dtype;
    if (!parse_type_name(luaL_checkstring(lua, 2), dtype))
        raise_expected(lua, 2, "a name like 'torch.FloatTensor'");
    return push_converted(lua, 1, dtype);
}

int clone(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        allocate(lua, result, self.dtype(), shape_of(self));
        copy(view_of(self), view_of(result));
    });
    return 1;
}

int make_contiguous(lua_State* lua) {
    if (!check_tensor(lua, 1).is_contiguous()) return clone(lua);
    lua_settop(lua, 1);
    return 1;
}

int copy_from(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    Tensor& from = check_tensor(lua, 2);
    run(lua, [&] {
        check_writable(view_of(self), "copy");
        copy(view_of(from), view_of(self));
    });
    lua_settop(lua, 1);
    return 1;
}

/// t:fill(x) and t:zero()
int fill_tensor(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    const bool is_zero = lua_tointeger(lua, lua_upvalueindex(2)) == 0;
    const Scalar value = is_zero ? Scalar() : check_scalar(lua, 2);
    run(lua, [&] {
        check_writable(view_of(self), "fill");
        fill(view_of(self), value);
    });
    lua_settop(lua, 1);
    return 1;
}

int push_nested(lua_State* lua, const View& view, int level, const std::byte* data) {
    if (level == view.shape.dims) {
        push_scalar(lua, load_element(view.dtype, data));
        return 1;
    }
    const std::int64_t size = view.shape.sizes[level];
    lua_createtable(lua, int(std::min<std::int64_t>(size, 1 << 20)), 0);
    for (std::int64_t i = 0; i < size; ++i) {
        push_nested(lua, view, level + 1,
                    data + i * view.strides[level] * std::int64_t(size_of(view.dtype)));
        lua_rawseti(lua, -2, i + 1);
    }
    return 1;
}

/// Pushes another tensor with the same elements, which keeps their storage while Lua code may run
/// (a function given, or a finaliser) that could resize the tensor at 1.
const Tensor& push_held(lua_State* lua) {
    Tensor& held = push_tensor(lua);
    held = check_tensor(lua, 1);
    return held;
}

int totable(lua_State* lua) {
    check_tensor(lua, 1);
    const View view = view_of(push_held(lua));
    if (view.shape.dims == 0) {
        lua_newtable(lua);
        return 1;
    }
    luaL_checkstack(lua, tensor_dims_max + 4, "totable");
    return push_nested(lua, view, 0, view.data);
}

/// t:apply(f): every element becomes what f returns for it, unless that is nil.
int apply(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    run(lua, [&] { check_writable(view_of(self), "apply"); });
    const View view = view_of(push_held(lua));
    const std::int64_t count = view.shape.count();
    std::int64_t index[tensor_dims_max] = {};
    for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t at = 0;
        for (int d = 0; d < view.shape.dims; ++d) at += index[d] * view.strides[d];
        std::byte* element = view.data + at * std::int64_t(size_of(view.dtype));
        lua_pushvalue(lua, 2);
        push_scalar(lua, load_element(view.dtype, element));
        lua_call(lua, 1, 1);
        if (lua_type(lua, -1) == LUA_TNUMBER)
            store_element(view.dtype, element, to_scalar(lua, -1));
        else if (!lua_isnil(lua, -1))
            return luaL_error(lua, "apply: the function returned a %s, not a number or nil",
                              luaL_typename(lua, -1));
        lua_pop(lua, 1);
        for (int d = view.shape.dims - 1; d >= 0 && ++index[d] == view.shape.sizes[d]; --d)
            index[d] = 0;
    }
    lua_settop(lua, 1);
    return 1;
}

int is_tensor(lua_State* lua) {
    lua_pushboolean(lua, test_tensor(lua, 1) != nullptr);
    return 1;
}

int is_storage(lua_State* lua) {
    lua_pushboolean(lua, test_storage(lua, 1) != nullptr);
    return 1;
}

}  // namespace

void register_types(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"byte", to_dtype, int(Dtype::u8), Entry::method_only},
        {"char", to_dtype, int(Dtype::i8), Entry::method_only},
        {"short", to_dtype, int(Dtype::i16), Entry::method_only},
        {"int", to_dtype, int(Dtype::i32), Entry::method_only},
        {"long", to_dtype, int(Dtype::i64), Entry::method_only},
        {"half", to_dtype, int(Dtype::f16), Entry::method_only},
        {"bfloat16", to_dtype, int(Dtype::bf16), Entry::method_only},
        {"float", to_dtype, int(Dtype::f32), Entry::method_only},
        {"double", to_dtype, int(Dtype::f64), Entry::method_only},
        {"typeAs", type_as, 0, Entry::method_only},
        {"type", type, 0, Entry::method_only},
        {"clone", clone, 0, Entry::method_only},
        {"contiguous", make_contiguous, 0, Entry::method_only},
        {"copy", copy_from, 0, Entry::method_only},
        {"zero", fill_tensor, 0, Entry::method_only},
        {"fill", fill_tensor, 1},
        {"totable", totable, 0, Entry::method_only},
        {"apply", apply, 0, Entry::method_only},
        {"isTensor", is_tensor, 0, Entry::function_only},
        {"isStorage", is_storage, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
}

int format_tensor(lua_State* lua) {
    check_tensor(lua, 1);
    const View view = view_of(push_held(lua));
    luaL_Buffer buffer;
    luaL_buffinit(lua, &buffer);
    format(view, tensor_name_of(view.dtype), &buffer,
           [](void* sink, const char* text, std::size_t n) {
               luaL_addlstring(static_cast<luaL_Buffer*>(sink), text, n);
           });
    luaL_pushresult(&buffer);
    return 1;
}

}  // namespace ipcrun::lua
