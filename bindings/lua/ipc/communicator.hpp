// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Class ipc.Communicator: the world, and what is split off it. One metatable for all.

#include <lua.hpp>

namespace ipcrun::lua {

/// Pushes ipc.world.
void push_world_function(lua_State* lua);

/// Pushes a communicator that is closed, to be filled in; also in states that have no world. May
/// raise.
struct CommunicatorObject;
CommunicatorObject& push_new_communicator(lua_State* lua);

/// The groups of methods, for the metatable.
extern const luaL_Reg value_methods[];     ///< barrier, allreduce, reduce, broadcast
extern const luaL_Reg exchange_methods[];  ///< allgather, gather, scatter, alltoall, reduce_scatter
extern const luaL_Reg message_methods[];   ///< send, receive, receive_into, probe

}  // namespace ipcrun::lua
