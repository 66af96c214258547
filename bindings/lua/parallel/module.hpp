// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The modules `parallel` and `sys`, which are written in Lua and built in. The C++ below gives
/// them links to other processes; what is done with those is said there.

#include <lua.hpp>

namespace ipcrun::lua {

/// A file of lua/parallel/ or lua/sys/.
struct LuaSource {
    const char* name;  ///< without folder and ending
    const char* text;
};
/// Built in by Meson; ended by an empty entry.
extern const LuaSource parallel_sources[];
extern const char sys_source[];

/// How the Lua of `parallel` calls itself, with the name of the file behind it. Places in errors
/// are those of its callers.
constexpr const char* parallel_chunk = "=parallel.";

int open_parallel(lua_State* lua);
int open_sys(lua_State* lua);

}  // namespace ipcrun::lua
