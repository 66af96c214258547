// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Values of Lua into parcels, and out of them: nil, booleans, numbers (integers stay integers),
/// strings, tables with what is in them (also cycles, and places that share one table), functions
/// of Lua with their upvalues (shared ones, too), tensors, storages and, where that makes sense,
/// objects of ipc. Of metatables only the name of a torch class goes along. The globals, C
/// functions of loaded modules and, next to functions, modules go by name. Coroutines, other C
/// functions and other userdata are refused.

#include <lua.hpp>

#include "bindings/lua/ipc/parcel.hpp"

namespace ipcrun::lua {

/// To be called once a state, before the functions below. May raise.
void register_marshal(lua_State* lua);

/// New, empty ones, in userdata that are left on the stack: Lua frees them. May raise.
Outgoing& push_outgoing(lua_State* lua);
Incoming& push_incoming(lua_State* lua);

/// Whether functions may have upvalues beside _ENV: torch-ipc refused them in most places.
enum class Closures : bool { refused, welcome };

/// Puts the value at `index` into `carrier`, which is not packed then. Leaves the stack as it was.
/// Raises where something cannot go, naming its place and `operation`. Borrowed tensors are held by
/// `carrier`: a finaliser, which runs whenever Lua takes memory, may resize or drop them.
void marshal(lua_State* lua, int index, Carrier& carrier, const char* operation,
             Closures closures = Closures::welcome);

/// Whether functions, and what goes by name, may be in a message. Bytecode can do anything, wrong
/// one can crash Lua, and a module that is required runs: they are for processes of one job alone.
enum class Functions : bool { refused, welcome };

/// Pushes the value of an opened parcel or item. Raises when it makes no sense. Requires modules
/// that functions of the message need and that are not loaded.
void unmarshal(lua_State* lua, Cargo& cargo, const char* operation,
               Functions functions = Functions::welcome);

}  // namespace ipcrun::lua
