// SPDX-License-Identifier: Apache-2.0
// t:apply(f), t:map(a, f), t:map2(a, b, f): a Lua function for every element, in row-major order.
#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

constexpr int operands_max = 3;

std::byte* element_at(const View& view, const std::int64_t* index) {
    std::int64_t at = 0;
    for (int d = 0; d < view.shape.dims; ++d) at += index[d] * view.strides[d];
    return view.data + at * std::int64_t(size_of(view.dtype));
}

/// Stores what the function returned, on top of the stack, unless it is nil; pops it.
void store_result(lua_State* lua, const char* name, Dtype dtype, std::byte* element) {
    if (lua_type(lua, -1) == LUA_TNUMBER) {
        const Scalar value = to_scalar(lua, -1);
        if (!holds(dtype, value))
            luaL_error(lua, "%s: the function returned %s, which a %s cannot hold", name,
                       lua_tostring(lua, -1), tensor_name_of(dtype));
        store_element(dtype, element, value);
    } else if (!lua_isnil(lua, -1)) {
        luaL_error(lua, "%s: the function returned a %s, not a number or nil", name,
                   luaL_typename(lua, -1));
    }
    lua_pop(lua, 1);
}

/// Every element of the first tensor becomes what f returns for it and those of the others that
/// stand at its place, unless that is nil.
int apply(lua_State* lua) {
    const Call call = begin_call(lua);
    const int operands = call.op;
    for (int k = 1; k <= operands; ++k) check_tensor(lua, k);
    const int function = operands + 1;
    luaL_checktype(lua, function, LUA_TFUNCTION);
    lua_settop(lua, function);
    View views[operands_max];
    for (int k = 0; k < operands; ++k) views[k] = view_of(push_held(lua, k + 1));
    run(lua, [&] {
        check_writable(views[0], call.name);
        for (int k = 1; k < operands; ++k)
            if (!(views[k].shape == views[0].shape))
                fail(ErrorCode::usage, "{}: sizes {} and {} differ", call.name,
                     format_shape(views[0].shape), format_shape(views[k].shape));
    });
    const std::int64_t count = views[0].shape.count();
    std::int64_t index[tensor_dims_max] = {};
    for (std::int64_t i = 0; i < count; ++i) {
        lua_pushvalue(lua, function);
        for (int k = 0; k < operands; ++k)
            push_scalar(lua, load_element(views[k].dtype, element_at(views[k], index)));
        lua_call(lua, operands, 1);
        store_result(lua, call.name, views[0].dtype, element_at(views[0], index));
        for (int d = views[0].shape.dims - 1; d >= 0 && ++index[d] == views[0].shape.sizes[d]; --d)
            index[d] = 0;
    }
    lua_settop(lua, 1);
    return 1;
}

}  // namespace

void register_apply(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"apply", apply, 1, Entry::method_only},
        {"map", apply, 2, Entry::method_only},
        {"map2", apply, 3, Entry::method_only},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
