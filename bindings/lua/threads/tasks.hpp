// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is written in Lua, on top of ipc.map and ipc.channel, and built in: the modules
/// `ipc.BackgroundTask` and `ipc.BackgroundTaskPool`, and the class ipc.Parallel.

#include <lua.hpp>

namespace ipcrun::lua {

/// The files of lua/tasks/; built in by Meson.
extern const char task_source[];
extern const char pool_source[];
extern const char parallel_source[];

int open_background_task(lua_State* lua);
int open_background_task_pool(lua_State* lua);

/// Lets the module `ipc`, at this index, load ipc.Parallel and ipc.Parallelizable when one of them
/// is first read: states of threads, of which there may be a thousand a second, rarely do. May
/// raise.
void register_parallel(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
