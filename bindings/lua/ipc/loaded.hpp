// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Names for what cannot be taken apart, and need not be, since every state has its own: modules,
/// and the C functions in them. The sender looks up the name of a value in its package.loaded; the
/// receiver looks up the value of a name in its own, and requires what is not there.

#include <lua.hpp>
#include <string_view>

namespace ipcrun::lua {

/// What a value is called: a module alone, or a field of it.
struct LoadedName {
    std::string_view module;
    std::string_view field;
    bool is_member = false;
};

/// Learns the names of all that is loaded, if modules came or went since the last time. Costs a
/// look at each module; the first time, and after a change, at each field of each. May raise.
void refresh_loaded_names(lua_State* lua);

/// The name of the module (table or function), or of the C function, at `index`: pushes the string
/// that `name` borrows from. False, and nothing is pushed, when it has none. A C function that is
/// not known is looked for anew in all modules. May raise.
bool push_loaded_name(lua_State* lua, int index, LoadedName& name);

/// Whether one of the modules is a key of the table at `index`. May raise.
bool has_loaded_module(lua_State* lua, int index);

/// Pushes the module or function of this name. A module that is not loaded is required. Raises when
/// that fails, or when what is there is nothing of that kind, with `operation` and the name.
void push_loaded(lua_State* lua, const LoadedName& name, const char* operation);

}  // namespace ipcrun::lua
