// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/tasks.hpp"

#include <cstring>

#include "bindings/lua/modules.hpp"

namespace ipcrun::lua {

namespace {

int open(lua_State* lua, const char* text, const char* name) {
    preload_modules(lua);
    if (luaL_loadbufferx(lua, text, std::strlen(text), name, "t") != LUA_OK) lua_error(lua);
    lua_call(lua, 0, 1);
    return 1;
}

}  // namespace

int open_background_task(lua_State* lua) {
    return open(lua, task_source, "=ipc.BackgroundTask");
}

int open_background_task_pool(lua_State* lua) {
    return open(lua, pool_source, "=ipc.BackgroundTaskPool");
}

}  // namespace ipcrun::lua
