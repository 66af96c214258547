// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Values of Lua into parcels, and out of them: nil, booleans, numbers (integers stay integers),
/// strings, tables with what is in them (also cycles, and places that share one table), tensors and
/// storages. Metatables stay behind. Functions, coroutines and other userdata are refused.

#include <lua.hpp>

#include "bindings/lua/ipc/parcel.hpp"

namespace ipcrun::lua {

/// To be called once a state, before the functions below. May raise.
void register_marshal(lua_State* lua);

/// New, empty ones, in userdata that are left on the stack: Lua frees them. May raise.
Outgoing& push_outgoing(lua_State* lua);
Incoming& push_incoming(lua_State* lua);

/// Puts the value at `index` into `outgoing`, which is not packed then. Leaves the stack as it was.
/// Raises where something cannot go, naming its place and `operation`. Borrowed tensors are held by
/// `outgoing`: a finaliser, which runs whenever Lua takes memory, may resize or drop them.
void marshal(lua_State* lua, int index, Outgoing& outgoing, const char* operation);

/// Pushes the value of an opened parcel. Raises when the parcel makes no sense.
void unmarshal(lua_State* lua, Incoming& incoming, const char* operation);

}  // namespace ipcrun::lua
