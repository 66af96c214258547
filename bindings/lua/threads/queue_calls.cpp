// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/queue_calls.hpp"

#include <cstring>

#include "bindings/lua/ipc/options.hpp"

namespace ipcrun::lua {

namespace {

// The value on top.
std::uint64_t check_capacity(lua_State* lua, const char* call) {
    int is_integer = 0;
    const lua_Integer value = lua_tointegerx(lua, -1, &is_integer);
    if (is_integer == 0 || lua_type(lua, -1) != LUA_TNUMBER || value < 1)
        luaL_error(lua, "%s: the capacity must be an integer, 1 or more", call);
    return static_cast<std::uint64_t>(value);
}

}  // namespace

QueueOptions check_queue_options(lua_State* lua, int index, const char* call, unsigned known) {
    QueueOptions options;
    if (!lua_istable(lua, index)) luaL_typeerror(lua, index, "a table of options");
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        const char* key = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
        if ((known & queue_option_capacity) != 0 && std::strcmp(key, "capacity") == 0) {
            options.capacity = check_capacity(lua, call);
        } else if ((known & queue_option_name) != 0 && std::strcmp(key, "name") == 0) {
            if (lua_type(lua, -1) != LUA_TSTRING)
                luaL_error(lua, "%s: the name must be a string", call);
        } else if ((known & queue_option_shared) != 0 && std::strcmp(key, "shared") == 0) {
            if (lua_type(lua, -1) != LUA_TBOOLEAN)
                luaL_error(lua, "%s: shared must be true or false", call);
            options.is_shared = lua_toboolean(lua, -1) != 0;
        } else {
            luaL_error(lua, "%s: unknown option '%s' (there are: capacity%s%s)", call,
                       luaL_tolstring(lua, -2, nullptr),
                       (known & queue_option_name) != 0 ? ", name" : "",
                       (known & queue_option_shared) != 0 ? ", shared" : "");
        }
        lua_pop(lua, 1);
    }
    if ((known & queue_option_name) != 0 && lua_getfield(lua, index, "name") == LUA_TSTRING)
        options.name = lua_gettop(lua);
    return options;
}

Deadline check_patience(lua_State* lua, int index) {
    if (lua_istable(lua, index)) return check_options(lua, index, option_timeout, 0).deadline;
    return lua_toboolean(lua, index) != 0 ? Deadline::after(Seconds(0)) : Deadline::never();
}

Deadline check_seconds(lua_State* lua, int index, Deadline fallback) {
    if (lua_isnoneornil(lua, index)) return fallback;
    const double seconds = luaL_checknumber(lua, index);
    luaL_argcheck(lua, seconds >= 0, index, "the time must be a number of seconds, 0 or more");
    return Deadline::after(Seconds(seconds));
}

void check_no_nil(lua_State* lua) {
    if (lua_isnil(lua, -1))
        luaL_error(lua, "items: an item is nil, which would end a for loop: use read()");
}

}  // namespace ipcrun::lua
