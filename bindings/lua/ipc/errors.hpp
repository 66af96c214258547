// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Errors of ipc's own calls: tables with `code`, `rank` and `message` that print as text.

#include <lua.hpp>

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

/// To be called once a state, before raise_table(). May raise.
void register_errors(lua_State* lua);

/// Raises `failure` as a table {code = "peer_lost", rank = 3, message = "…"}; `rank` is nil where
/// the error is about none. tostring() of it is the message. One of `usage` about no rank begins
/// with the line of Lua that made the call, as strings of luaL_error() do.
[[noreturn]] void raise_table(lua_State* lua, const Failure& failure);

/// Errors keep their metatable between states and processes, by this name of a class.
constexpr const char* error_class_name = "ipc.error";
/// Is the value at `index` one of these tables? May raise.
bool is_error_table(lua_State* lua, int index);
/// Pushes their metatable. May raise.
void push_error_metatable(lua_State* lua);

/// Pushes what an error says, whatever value the one at `index` is. May raise.
const char* push_error_text(lua_State* lua, int index);

}  // namespace ipcrun::lua
