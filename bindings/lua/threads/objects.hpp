// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Small objects that threads share, in torch-ipc's words: `ipc.mutex`, `ipc.marshal` and
/// `ipc.sharedtable`.

#include <lua.hpp>

namespace ipcrun::lua {

/// Each puts its functions into the table at `ipc`. May raise.
void register_mutex(lua_State* lua, int ipc);
void register_marshal_object(lua_State* lua, int ipc);
void register_shared_table(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
