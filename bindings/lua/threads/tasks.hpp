// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The modules `ipc.BackgroundTask` and `ipc.BackgroundTaskPool`, which are written in Lua, on top
/// of ipc.map and ipc.channel, and built in.

#include <lua.hpp>

namespace ipcrun::lua {

/// The files of lua/tasks/; built in by Meson.
extern const char task_source[];
extern const char pool_source[];

int open_background_task(lua_State* lua);
int open_background_task_pool(lua_State* lua);

}  // namespace ipcrun::lua
