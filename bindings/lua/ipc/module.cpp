// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/module.hpp"

#include "base/deadline.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/ipc/tree.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/threads/channel.hpp"
#include "bindings/lua/threads/map.hpp"
#include "bindings/lua/threads/tasks.hpp"
#include "bindings/lua/threads/select.hpp"
#include "bindings/lua/threads/workqueue.hpp"

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
    register_map(lua, lua_gettop(lua));
    lua_pushcfunction(lua, clock);
    lua_setfield(lua, -2, "clock");
    register_channel(lua, -1);
    register_parallel(lua, -1);
    register_workqueue(lua, -1);
    register_select(lua, -1);
    return 1;
}

}  // namespace ipcrun::lua
