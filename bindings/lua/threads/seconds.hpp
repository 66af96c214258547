// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A time limit that stands among a call's arguments.

#include <lua.hpp>

#include "base/deadline.hpp"

namespace ipcrun::lua {

/// The seconds at `index`, from now; never when there is nothing or nil. May raise.
inline Deadline check_seconds(lua_State* lua, int index) {
    if (lua_isnoneornil(lua, index)) return Deadline::never();
    const lua_Number seconds = luaL_checknumber(lua, index);
    luaL_argcheck(lua, seconds >= 0, index, "the timeout must be a number of seconds, 0 or more");
    return Deadline::after(Seconds(seconds));
}

}  // namespace ipcrun::lua
