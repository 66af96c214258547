// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What `require` finds, handed on from a Lua state to those of its threads: package.path,
/// package.cpath and the entries of package.preload.

#include <lua.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bindings/lua/ipc/item.hpp"

namespace ipcrun::lua {

/// An entry of package.preload.
struct Preload {
    std::string name;
    /// One of these three.
    lua_CFunction function = nullptr;  ///< a C function: this process has it everywhere
    Item item;                         ///< a Lua function, with its upvalues
    std::string problem;               ///< why it cannot go: told when a thread requires it
};

struct Package {
    std::optional<std::string> path;
    std::optional<std::string> cpath;
    std::vector<Preload> preloads;
};

/// Fills `package`, an empty one that Lua's errors cannot lose, from this state. May raise.
void capture_package(lua_State* lua, Package& package);

/// Gives all of it to a new state, whose standard libraries are open. Lua functions are copied when
/// they are required. `package` is not changed meanwhile. May raise.
void install_package(lua_State* lua, const Package& package);

}  // namespace ipcrun::lua
