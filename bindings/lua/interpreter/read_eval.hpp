// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The interactive mode.

#include <lua.hpp>

namespace ipcrun::lua {

/// Reads lines from standard input and runs them until it ends. Values of expressions are printed,
/// an unfinished statement goes on in the next line, errors are printed and do not end it. The
/// globals _PROMPT and _PROMPT2 replace "> " and ">> ". Raises only for memory.
void read_eval_print(lua_State* lua);

}  // namespace ipcrun::lua
