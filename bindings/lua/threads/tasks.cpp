// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/tasks.hpp"

#include <cstring>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/modules.hpp"

namespace ipcrun::lua {

namespace {

void load(lua_State* lua, const char* text, const char* name) {
    if (luaL_loadbufferx(lua, text, std::strlen(text), name, "t") != LUA_OK) lua_error(lua);
}

int open(lua_State* lua, const char* text, const char* name) {
    preload_modules(lua);
    load(lua, text, name);
    lua_call(lua, 0, 1);
    return 1;
}

// raise_timeout(message)
int raise_timeout(lua_State* lua) {
    Failure failure;
    failure.set(ErrorCode::timeout, luaL_checkstring(lua, 1));
    raise_table(lua, failure);
}

// __index of the module `ipc`.
int load_parallel(lua_State* lua) {
    const char* key = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
    if (std::strcmp(key, "Parallel") != 0 && std::strcmp(key, "Parallelizable") != 0) return 0;
    load(lua, parallel_source, "=ipc.Parallel");
    lua_pushvalue(lua, 1);
    lua_pushcfunction(lua, raise_timeout);
    lua_call(lua, 2, 0);
    lua_pushvalue(lua, 2);
    lua_rawget(lua, 1);
    return 1;
}

}  // namespace

int open_background_task(lua_State* lua) {
    return open(lua, task_source, "=ipc.BackgroundTask");
}

int open_background_task_pool(lua_State* lua) {
    return open(lua, pool_source, "=ipc.BackgroundTaskPool");
}

void register_parallel(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, load_parallel);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, ipc);
}

}  // namespace ipcrun::lua
