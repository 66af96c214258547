// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Calling Lua with a message handler, and the text of what goes wrong.

#include <lua.hpp>
#include <string_view>

#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun::lua {

/// Calls the function below `arguments` on the stack. True: its `results` are on the stack. False:
/// a text (message and traceback) is, and `kind` says what it was. Raises only for memory.
bool call_chunk(lua_State* lua, int arguments, int results, Report::Kind& kind);

/// The text that a failed load or call left on top of the stack; valid while it is there.
std::string_view error_text(lua_State* lua);

}  // namespace ipcrun::lua
