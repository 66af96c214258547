// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Trees: ipc.tree over communicators of a job, and torch-ipc's, which meet by connections. Their
/// policy is written in Lua (lua/trees/*.lua).

#include <lua.hpp>

namespace ipcrun::lua {

/// How the Lua of trees calls itself. Places in errors are those of its callers.
constexpr const char* tree_chunk = "=ipc.tree";

/// Pushes ipc.tree in the place of ipc.world, which is on top of the stack. May raise.
void push_tree_function(lua_State* lua);

/// Opens one of the modules of trees; its name ("ipc.Tree") is the argument.
int open_trees(lua_State* lua);

/// The text of lua/trees/*.lua: built in. Ended by an entry without a name.
struct TreeSource {
    const char* name;
    const char* text;
};
extern const TreeSource tree_sources[];

}  // namespace ipcrun::lua
