// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.tree, which is written in Lua (lua/ipc/tree.lua), and what it needs of C++: views of the
/// memory of another rank.

#include <lua.hpp>

namespace ipcrun::lua {

/// How the Lua of trees calls itself. Places in errors are those of its callers.
constexpr const char* tree_chunk = "=ipc.tree";

/// Pushes ipc.tree in the place of ipc.world, which is on top of the stack. May raise.
void push_tree_function(lua_State* lua);

/// The text of lua/ipc/*.lua: built in.
extern const char tree_source[];
extern const char recognise_source[];

}  // namespace ipcrun::lua
