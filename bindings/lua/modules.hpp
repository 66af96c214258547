// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The modules that are built into ipcrun-lua.

#include <lua.hpp>

namespace ipcrun::lua {

/// Puts the built-in modules into package.preload, so that `require` finds them before any file.
/// Wants the standard libraries to be open. May raise (memory).
void preload_modules(lua_State* lua);

}  // namespace ipcrun::lua
