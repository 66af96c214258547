// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/context.hpp"

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {
constexpr const char* type_name = "ipcrun.context";
}

Context& context(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, type_name) == LUA_TNIL) {
        lua_pop(lua, 1);
        luaL_newmetatable(lua, "ipcrun.context metatable");
        lua_pushcfunction(lua, collect<Context>);
        lua_setfield(lua, -2, "__gc");
        lua_pop(lua, 1);
        create_userdata<Context>(lua, "ipcrun.context metatable");
        lua_pushvalue(lua, -1);
        lua_setfield(lua, LUA_REGISTRYINDEX, type_name);
    }
    auto* result = static_cast<Context*>(lua_touserdata(lua, -1));
    lua_pop(lua, 1);
    return *result;
}

}  // namespace ipcrun::lua
