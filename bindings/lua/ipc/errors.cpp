// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/errors.hpp"

#include <string>

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipcrun.error";

int format(lua_State* lua) {
    lua_getfield(lua, 1, "message");
    return 1;
}

}  // namespace

void register_errors(lua_State* lua) {
    luaL_newmetatable(lua, metatable_name);
    lua_pushcfunction(lua, format);
    lua_setfield(lua, -2, "__tostring");
    lua_pop(lua, 1);
}

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
    luaL_setmetatable(lua, metatable_name);
    lua_error(lua);
    __builtin_unreachable();
}

}  // namespace ipcrun::lua
