// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The modules that are built into ipcrun-lua.

#include <lua.hpp>

namespace ipcrun::lua {

/// Puts the built-in modules into package.preload, so that `require` finds them before any file.
/// Wants the standard libraries to be open. May raise (memory).
void preload_modules(lua_State* lua);

/// Lets scripts use `torch` and `sys` as globals without a require, as torch's interpreter did, and
/// has string.split. The globals are not there yet: the first use of one requires the module, so
/// that scripts without it neither pay for it nor join the job. It is by a metatable of _G; a
/// script that gives _G one of its own has to require them. May raise (memory).
void preload_globals(lua_State* lua);

}  // namespace ipcrun::lua
