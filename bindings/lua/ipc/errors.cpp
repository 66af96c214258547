// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/errors.hpp"

#include <string>

namespace ipcrun::lua {

namespace {

int format(lua_State* lua) {
    lua_getfield(lua, 1, "message");
    return 1;
}

}  // namespace

void raise_table(lua_State* lua, const Failure& failure) {
    lua_createtable(lua, 0, 3);
    const std::string_view code = name_of(failure.code);
    lua_pushlstring(lua, code.data(), code.size());
    lua_setfield(lua, -2, "code");
    if (failure.rank >= 0) {
        lua_pushinteger(lua, failure.rank);
        lua_setfield(lua, -2, "rank");
    }
    lua_pushstring(lua, failure.message);
    lua_setfield(lua, -2, "message");
    if (luaL_newmetatable(lua, "ipcrun.error") != 0) {
        lua_pushcfunction(lua, format);
        lua_setfield(lua, -2, "__tostring");
        lua_pushliteral(lua, "ipcrun.error");
        lua_setfield(lua, -2, "__name");
    }
    lua_setmetatable(lua, -2);
    lua_error(lua);
    __builtin_unreachable();
}

}  // namespace ipcrun::lua
