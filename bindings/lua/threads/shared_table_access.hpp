// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Between values of Lua and shared tables: keys, items, and tables that become shared ones.

#include <lua.hpp>

#include "bindings/lua/threads/shared_table.hpp"

namespace ipcrun::lua {

/// A key on the stack; borrows from there. Trivially destructible.
struct LuaKey {
    KeyView view;
    const HandleObject* handle = nullptr;
    Key hold() const { return Key(view, handle == nullptr ? Holder() : handle->holder); }
};

/// Reads the key at `index`; false when it is of a kind that no shared table has.
bool read_key(lua_State* lua, int index, LuaKey& key);
/// The key at `index`, to put something there. Raises for nil, NaN and other kinds.
LuaKey check_key(lua_State* lua, int index);
/// May raise.
void push_key(lua_State* lua, const Key& key);

/// Pushes a new, empty one. May raise.
SharedTable& push_shared_table(lua_State* lua, bool is_nested);
/// Pushes what stands for the value at `index` in `table`: itself, or the shared table that is made
/// of it. May raise.
void push_kept(lua_State* lua, const SharedTable& table, int index);
/// Puts the value at `value` into the table. Raises what pack_item raises, and for wrong keys: the
/// table is as it was then.
void store(lua_State* lua, SharedTable& table, int key, int value);

/// Is there a table at `index` that is nothing but a table?
bool is_plain_table(lua_State* lua, int index);
/// Pushes the nested shared table that has what the plain table at `index` has, and so on with all
/// plain tables in it: cycles, and tables that are there twice, stay what they are. May raise.
void push_nested(lua_State* lua, int index);

}  // namespace ipcrun::lua
