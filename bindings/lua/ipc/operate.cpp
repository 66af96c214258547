// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/operate.hpp"

namespace ipcrun::lua {

int finish_value(lua_State* lua, Work& work, int table) {
    Value& value = static_cast<PendingRequest<Value>&>(*work.pending).held;
    value.unpack();
    lua_rawgeti(lua, table, 1);
    lua_rawgeti(lua, table, 2);
    const int holders = lua_gettop(lua);
    value.store(lua, holders - 1, holders);
    lua_replace(lua, table + 1);
    lua_settop(lua, table + 1);
    return 1;
}

int finish_without_value(lua_State* lua, Work&, int) {
    lua_pushnil(lua);
    return 1;
}

Work& push_value_work(lua_State* lua, bool has_result) {
    const int holders = lua_gettop(lua);
    lua_createtable(lua, 2, 0);
    lua_pushvalue(lua, 2);
    lua_rawseti(lua, -2, 1);
    lua_pushvalue(lua, holders);
    lua_rawseti(lua, -2, 2);
    return push_work(lua, has_result ? finish_value : finish_without_value);
}

}  // namespace ipcrun::lua
