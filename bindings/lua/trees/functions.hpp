// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the Lua of trees needs of C++: the fields of its `core`.

#include <lua.hpp>

namespace ipcrun::lua {

extern const luaL_Reg view_functions[];        ///< views of the memory of another member
extern const luaL_Reg place_functions[];       ///< who is whose child
extern const luaL_Reg error_functions[];       ///< raise, and what an error is
extern const luaL_Reg connection_functions[];  ///< set-up over the connections of a user
extern const luaL_Reg link_tree_functions[];   ///< values along a tree of connections
extern const luaL_Reg at_once_functions[];     ///< reductions that need no votes
extern const luaL_Reg group_functions[];       ///< communicators without a job
extern const luaL_Reg rendezvous_functions[];

}  // namespace ipcrun::lua
