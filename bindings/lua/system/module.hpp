// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What torch-ipc has of the system: programs by `ipc.spawn`, locked files by `ipc.flock`, and
/// numbers of processes; and whether this one is to end.

#include <lua.hpp>

namespace ipcrun::lua {

/// Each puts its functions into the table at `ipc`. May raise.
void register_spawn(lua_State* lua, int ipc);
void register_flock(lua_State* lua, int ipc);
void register_processes(lua_State* lua, int ipc);
void register_stopping(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
