// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Broadcast of a value to those who give a place for it, and to those who give none.
///
/// Who gives a place (a value of tensors, numbers, booleans and tables) calls the broadcast of such
/// parts; who gives none (nil, or a value with something else in it) calls one of no parts, with a
/// layout that nothing else has. When all agree, that is all there is to it: places have been
/// filled, or all are told to take a parcel. When they differ in nothing but that, every member
/// sees a ValuesMismatch; then they count who gives nothing. All but the root: they take a parcel.
/// Else the disagreement is what all raise.

#include <lua.hpp>

#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/value.hpp"
#include "runtime/collective.hpp"

namespace ipcrun::lua {

/// The known shape: `packed` is overwritten, but at the root.
Collective broadcast_in_place(const Value& packed, int root);

/// Broadcasts the value at 2; `place` is what it was taken apart into, null when it is none. What
/// Value::load left is on top of the stack. Pushes the result; returns how many.
int broadcast_value(lua_State* lua, Value* place, int root, const Options& options);

}  // namespace ipcrun::lua
