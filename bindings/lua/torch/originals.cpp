// SPDX-License-Identifier: Apache-2.0
// Whether tensors still do what they were made to do: scripts may put other methods in place.
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.torch.originals";
constexpr const char* methods_key = "methods";

// What ipc takes for known operators.
constexpr const char* method_names[] = {"add", "cmul", "cmax", "cmin"};
constexpr const char* metamethod_names[] = {"__add", "__index"};

}  // namespace

void remember_methods(lua_State* lua, int methods) {
    lua_newtable(lua);
    for (const char* name : method_names) {
        lua_getfield(lua, methods, name);
        lua_setfield(lua, -2, name);
    }
    luaL_getmetatable(lua, tensor_metatable);
    for (const char* name : metamethod_names) {
        lua_getfield(lua, -1, name);
        lua_setfield(lua, -3, name);
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, methods);
    lua_setfield(lua, -2, methods_key);
    lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
}

bool is_method_ours(lua_State* lua, const char* name) {
    const int top = lua_gettop(lua);
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) != LUA_TTABLE) {
        lua_settop(lua, top);
        return false;
    }
    const int originals = lua_gettop(lua);
    const auto is_same = [&](int table, const char* field) {
        lua_pushstring(lua, field);
        lua_rawget(lua, table);
        lua_getfield(lua, originals, field);
        const bool same = lua_rawequal(lua, -1, -2) != 0;
        lua_pop(lua, 2);
        return same;
    };
    lua_getfield(lua, originals, methods_key);
    luaL_getmetatable(lua, tensor_metatable);
    const bool is_operator = name[0] == '_';
    const bool is_ours = is_operator
                             ? is_same(originals + 2, name)
                             : is_same(originals + 1, name) && is_same(originals + 2, "__index");
    lua_settop(lua, top);
    return is_ours;
}

}  // namespace ipcrun::lua
