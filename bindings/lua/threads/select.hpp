// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.select: the first item that one of several channels and queues has.

#include <lua.hpp>

namespace ipcrun::lua {

/// Puts `select` into the table at `ipc`, behind channels and queues. May raise.
void register_select(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
