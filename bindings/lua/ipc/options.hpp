// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The table of options that comes last in calls, and the line that called.

#include <lua.hpp>

#include "base/deadline.hpp"
#include "runtime/call_site.hpp"
#include "runtime/message.hpp"
#include "runtime/reduce.hpp"

namespace ipcrun::lua {

/// Bits of the set of options that a call knows.
enum Option : unsigned {
    option_timeout = 1,
    option_async = 2,
    option_tag = 4,
    option_from = 8,
    option_into = 16,
    option_varying = 32,
};

/// Trivially destructible: may be alive when Lua raises.
struct Options {
    Deadline deadline = Deadline::never();
    double timeout = -1;  ///< seconds; negative: none was given
    bool is_async = false;
    bool is_varying = false;
    int tag = any_tag;      ///< any_tag: none was given
    int from = any_source;  ///< likewise
    int into = 0;           ///< the stack index of that value; 0: none was given
};

/// Reads the options at `index`, of which `known` may be there, for a communicator of `size`
/// members; there may be nothing or nil. Leaves the value of `into` on the stack. Raises for what
/// is unknown or makes no sense.
Options check_options(lua_State* lua, int index, unsigned known, int size);

/// The operator named at `index`, sum when there is nothing or nil; raises for another.
Op check_op(lua_State* lua, int index);
/// A member from 0 to size - 1; `fallback` when there is nothing or nil and that is not negative.
/// `what` begins the message: "the root".
int check_rank(lua_State* lua, int index, const char* what, int size, int fallback = -1);

/// The line of Lua that called us: the first level that has lines, and is not of ipc itself.
struct LuaSite {
    char file[LUA_IDSIZE] = "?";
    int line = 0;
    CallSite get() const { return {file, line}; }
};
LuaSite calling_line(lua_State* lua);

}  // namespace ipcrun::lua
