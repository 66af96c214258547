// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A tree's own hold on a connection: beside the user, who may close his.

#include <lua.hpp>
#include <memory>

#include "runtime/connection/connection.hpp"

namespace ipcrun::lua {

struct TreeEnd {
    std::shared_ptr<Connection> connection;
};

/// The connection at `index`; raises for other values.
Connection& check_end(lua_State* lua, int index);
const std::shared_ptr<Connection>& check_shared_end(lua_State* lua, int index);
/// True and the end when the value at `index` is one.
TreeEnd* test_end(lua_State* lua, int index);

}  // namespace ipcrun::lua
