// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/module.hpp"

#include "base/deadline.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/ipc/tree.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/system/module.hpp"
#include "bindings/lua/threads/objects.hpp"

namespace ipcrun::lua {

namespace {

/// ipc.clock(): seconds on the monotonic clock, for measuring how long things take.
int clock(lua_State* lua) {
    lua_pushnumber(lua, Seconds(Clock::now().time_since_epoch()).count());
    return 1;
}

}  // namespace

int open_ipc(lua_State* lua) {
    luaL_checkversion(lua);
    (void)context(lua);  // joins now, so that it fails here and never later
    preload_modules(lua);
    register_items(lua);
    lua_newtable(lua);
    push_world_function(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "world");
    push_tree_function(lua);
    lua_setfield(lua, -2, "tree");
    lua_pushcfunction(lua, clock);
    lua_setfield(lua, -2, "clock");
    register_mutex(lua, -1);
    register_marshal_object(lua, -1);
    register_shared_table(lua, -1);
    register_spawn(lua, -1);
    register_flock(lua, -1);
    register_processes(lua, -1);
    return 1;
}

}  // namespace ipcrun::lua
