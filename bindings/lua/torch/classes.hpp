// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The classes of torch.class in this Lua state, by name: what a value of theirs is called, and the
/// metatable that a name stands for, so that objects can come from other states and from files.
/// They live in the registry, also before `torch` is open.

#include <cstddef>
#include <lua.hpp>

namespace ipcrun::lua {

/// Pushes the name of the class that the table at `index` is an object of; false, and nothing
/// pushed, for every other value. Cheap: two lookups for a table that has a metatable. May raise
/// (memory).
bool push_class_name(lua_State* lua, int index);

/// Pushes the metatable of the class `name`, for setmetatable. Where this state has not defined the
/// class it is a placeholder, which knows nothing but its name; a torch.class of that name adopts
/// it, so that objects made before have their methods from then on. Classes of `torch` itself that
/// are loaded at their first use are loaded, if torch is. May raise.
void push_class(lua_State* lua, const char* name, std::size_t length);

/// Pushes the metatable as push_class() does; false, and nothing pushed, where that would be a
/// placeholder. May raise.
bool push_defined_class(lua_State* lua, const char* name, std::size_t length);

}  // namespace ipcrun::lua
