// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/module.hpp"

#include "base/deadline.hpp"
#include "bindings/lua/connection/client.hpp"
#include "bindings/lua/connection/server.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/system/module.hpp"
#include "bindings/lua/threads/channel.hpp"
#include "bindings/lua/threads/map.hpp"
#include "bindings/lua/threads/objects.hpp"
#include "bindings/lua/threads/select.hpp"
#include "bindings/lua/threads/tasks.hpp"
#include "bindings/lua/threads/workqueue.hpp"
#include "bindings/lua/trees/module.hpp"

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
    const int ipc = lua_gettop(lua);
    push_world_function(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, ipc, "world");
    push_tree_function(lua);
    lua_setfield(lua, ipc, "tree");
    lua_pushcfunction(lua, clock);
    lua_setfield(lua, ipc, "clock");
    for (const auto add :
         {register_map, register_parallel, register_channel, register_workqueue, register_select,
          register_mutex, register_marshal_object, register_shared_table, register_spawn,
          register_flock, register_processes, register_stopping, register_server, register_client})
        add(lua, ipc);
    return 1;
}

}  // namespace ipcrun::lua
