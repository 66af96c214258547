// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Time, as torch measures it.

#include <lua.hpp>

namespace ipcrun::lua {

/// measure_time() -> seconds on the monotonic clock, and of this process in user and in system
/// mode.
int measure_time(lua_State* lua);

}  // namespace ipcrun::lua
