// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.map and ipc.map_extended: a function in threads that have a Lua state each.

#include <lua.hpp>
#include <memory>

#include "bindings/lua/threads/team.hpp"

namespace ipcrun::lua {

constexpr const char* map_type = "ipc.map";

/// What the userdata of a map holds.
struct MapObject {
    std::shared_ptr<Team> team;  ///< null after it was collected
};

/// Puts `map` and `map_extended` into the module table at `ipc`. May raise.
void register_map(lua_State* lua, int ipc);

/// Makes the metatable of maps, with the methods that join them. May raise.
void register_map_methods(lua_State* lua);

}  // namespace ipcrun::lua
