// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Calling a function for clients of a server, each of which is good only while it is called.

#include <lua.hpp>

#include "bindings/lua/connection/server.hpp"

namespace ipcrun::lua {

/// A list of clients in a userdata, so that Lua's errors cannot lose it.
struct ClientRow {
    Endpoints clients;
};
/// A new, empty one on the stack, which is closed when the C function that is called ends, however
/// it does; it must stay where it is. May raise.
ClientRow& push_client_row(lua_State* lua);

/// Calls the function at `function` with each client of the row at `row`, but for those that are
/// gone by then. How many calls. May raise.
lua_Integer call_for_each(lua_State* lua, int row, int function);

}  // namespace ipcrun::lua
