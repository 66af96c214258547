// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What netStats() gives, with the names that torch-ipc had for it.

#include <lua.hpp>

#include "runtime/connection/connection.hpp"

namespace ipcrun::lua {

/// Pushes a table with the tables `tx` and `rx`. May raise.
void push_statistics(lua_State* lua, const ConnectionStatistics& statistics);

}  // namespace ipcrun::lua
