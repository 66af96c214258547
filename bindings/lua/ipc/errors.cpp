// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/errors.hpp"

#include <string>

#include "bindings/lua/ipc/options.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipcrun.error";

int format(lua_State* lua) {
    lua_getfield(lua, 1, "message");
    return 1;
}

// What is wrong with the arguments of this rank's call has no place yet; the rest names one.
void push_message(lua_State* lua, const Failure& failure) {
    const bool is_own_call = failure.code == ErrorCode::usage && failure.rank < 0;
    const LuaSite site = is_own_call ? calling_line(lua) : LuaSite();
    if (site.line > 0)
        lua_pushfstring(lua, "%s:%d: %s", site.file, site.line, failure.message);
    else
        lua_pushstring(lua, failure.message);
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
    push_message(lua, failure);
    lua_setfield(lua, -2, "message");
    luaL_setmetatable(lua, metatable_name);
    lua_error(lua);
    __builtin_unreachable();
}

bool is_error_table(lua_State* lua, int index) {
    if (lua_getmetatable(lua, index) == 0) return false;
    luaL_getmetatable(lua, metatable_name);
    const bool is_same = lua_rawequal(lua, -1, -2) != 0;
    lua_pop(lua, 2);
    return is_same;
}

void push_error_metatable(lua_State* lua) {
    register_errors(lua);
    luaL_getmetatable(lua, metatable_name);
}

const char* push_error_text(lua_State* lua, int index) {
    index = lua_absindex(lua, index);
    bool has_text = lua_isstring(lua, index) != 0;
    if (!has_text && luaL_getmetafield(lua, index, "__tostring") != LUA_TNIL) {
        lua_pop(lua, 1);
        has_text = true;
    }
    if (has_text) return luaL_tolstring(lua, index, nullptr);
    return lua_pushfstring(lua, "(the error is a %s value)", luaL_typename(lua, index));
}

}  // namespace ipcrun::lua
