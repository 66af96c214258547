// SPDX-License-Identifier: Apache-2.0
#pragma once
/// `ipc.world()`: all ranks of the job, and what they do together.

#include <lua.hpp>

namespace ipcrun::lua {

/// Pushes the function `world`, which returns the one world of this state.
void push_world_function(lua_State* lua);

}  // namespace ipcrun::lua
