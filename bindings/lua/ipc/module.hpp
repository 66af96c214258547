// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The module `ipc` (also found as `libipc`).

#include <lua.hpp>

namespace ipcrun::lua {

/// Opens the module; joins the job when there is one. Also makes `require 'torch'` find ours.
int open_ipc(lua_State* lua);

}  // namespace ipcrun::lua
