// SPDX-License-Identifier: Apache-2.0
#pragma once
/// string.split, which scripts for torch find in every string: ("a,b"):split(",").

#include <lua.hpp>

namespace ipcrun::lua {

/// split(text [, separator]) -> a list of the pieces between the separators, ":" at first; pieces
/// that are empty are left out. The separator is plain text. In torch it was a set of characters,
/// each of which separated; for one character that is no magic one of patterns it is the same.
int split(lua_State* lua);

/// Puts it into the table of the library `string`, unless a split is there already. May raise.
void register_split(lua_State* lua);

}  // namespace ipcrun::lua
