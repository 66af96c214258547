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
    const Scalar value = is_zero ? Scalar() : check_element(lua, 2, self.dtype());
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

int totable(lua_State* lua) {
    check_tensor(lua, 1);
    const View view = view_of(push_held(lua, 1));
    if (view.shape.dims == 0) {
        lua_newtable(lua);
        return 1;
    }
    luaL_checkstack(lua, tensor_dims_max + 4, "totable");
    return push_nested(lua, view, 0, view.data);
}

int element_size(lua_State* lua) {
    lua_pushinteger(lua, lua_Integer(size_of(check_tensor(lua, 1).dtype())));
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
        {"zero", fill_tensor, 0},
        {"fill", fill_tensor, 1},
        {"totable", totable, 0, Entry::method_only},
        {"elementSize", element_size, 0, Entry::method_only},
        {"isTensor", is_tensor, 0, Entry::function_only},
        {"isStorage", is_storage, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
}

int format_tensor(lua_State* lua) {
    check_tensor(lua, 1);
    const View view = view_of(push_held(lua, 1));
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
