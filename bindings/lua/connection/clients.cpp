// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/clients.hpp"

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* row_name = "ipcrun.clients";

// The one that is being called with is the user value of the row.
void take_back(lua_State* lua, int row) {
    if (lua_getiuservalue(lua, row, 1) == LUA_TUSERDATA)
        static_cast<ServerClient*>(lua_touserdata(lua, -1))->endpoint.reset();
    lua_pop(lua, 1);
}

// Also behind an error that the function raised.
int close_row(lua_State* lua) {
    auto& row = check_userdata<ClientRow>(lua, 1, row_name);
    take_back(lua, 1);
    row.clients.clear();
    return 0;
}

}  // namespace

ClientRow& push_client_row(lua_State* lua) {
    if (luaL_newmetatable(lua, row_name) != 0) {
        lua_pushcfunction(lua, collect<ClientRow>);
        lua_setfield(lua, -2, "__gc");
        lua_pushcfunction(lua, close_row);
        lua_setfield(lua, -2, "__close");
    }
    lua_pop(lua, 1);
    auto* row = new (lua_newuserdatauv(lua, sizeof(ClientRow), 1)) ClientRow();
    luaL_setmetatable(lua, row_name);
    lua_toclose(lua, -1);
    return *row;
}

lua_Integer call_for_each(lua_State* lua, int row, int function) {
    row = lua_absindex(lua, row);
    lua_Integer calls = 0;
    auto& clients = check_userdata<ClientRow>(lua, row, row_name).clients;
    for (std::size_t i = 0; i < clients.size(); ++i) {
        if (clients[i]->is_gone()) continue;
        lua_pushvalue(lua, function);
        push_server_client(lua).endpoint = clients[i];
        lua_pushvalue(lua, -1);
        lua_setiuservalue(lua, row, 1);
        lua_call(lua, 1, 0);
        take_back(lua, row);
        ++calls;
    }
    return calls;
}

}  // namespace ipcrun::lua
