// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The parts of `torch` that are written in Lua, lua/torch/*.lua. Each is compiled and run at its
/// first use: a state that does not need them, and there may be a thousand a second, does not pay.

#include <lua.hpp>

namespace ipcrun::lua {

/// A file of lua/torch/, without folder and ending.
struct TorchSource {
    const char* name;
    const char* text;
};
/// Built in by Meson; ended by an empty entry.
extern const TorchSource torch_sources[];

/// Pops the `arguments` on top of the stack and pushes what the file `name` returned when it was
/// run: with the module `torch`, whose stack index or pseudo-index is given, and those arguments
/// behind it. The first call of a state runs it. May raise.
void push_part(lua_State* lua, int torch, const char* name, int arguments);

/// Lets the module load the parts that are fields of it when they are read.
void register_parts(lua_State* lua, int torch);

}  // namespace ipcrun::lua
