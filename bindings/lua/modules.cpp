// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/modules.hpp"

#include <cstring>

#include "bindings/lua/ipc/module.hpp"
#include "bindings/lua/parallel/module.hpp"
#include "bindings/lua/tensor.hpp"
#include "bindings/lua/threads/tasks.hpp"
#include "bindings/lua/torch/split.hpp"
#include "bindings/lua/trees/module.hpp"

namespace ipcrun::lua {

namespace {

int open_other(lua_State* lua, const char* name) {
    lua_getglobal(lua, "require");
    lua_pushstring(lua, name);
    lua_call(lua, 1, 1);
    return 1;
}

// torch-ipc's name for the module: the same table.
int open_libipc(lua_State* lua) {
    return open_other(lua, "ipc");
}

// What was a module of its own, and a global, before it became part of torch.
int open_lab(lua_State* lua) {
    open_other(lua, "torch");
    lua_pushvalue(lua, -1);
    lua_setglobal(lua, "lab");
    return 1;
}

// {name, the function that opens it}, ended by an empty entry.
constexpr luaL_Reg modules[] = {
    {"ipc", open_ipc},
    {"ipc.BackgroundTask", open_background_task},
    {"ipc.BackgroundTaskPool", open_background_task_pool},
    {"ipc.DiscoveredTree", open_trees},
    {"ipc.LocalhostTree", open_trees},
    {"ipc.NullTree", open_trees},
    {"ipc.SlurmTree", open_trees},
    {"ipc.StaticTree", open_trees},
    {"ipc.Tree", open_trees},
    {"ipc.utils", open_trees},
    {"lab", open_lab},
    {"libipc", open_libipc},
    {"parallel", open_parallel},
    {"sys", open_sys},
    {"torch", open_torch},
    {nullptr, nullptr},
};

// __index of _G: what `th` had as globals from the start.
int index_globals(lua_State* lua) {
    if (lua_type(lua, 2) != LUA_TSTRING) return 0;
    const char* name = lua_tostring(lua, 2);
    if (std::strcmp(name, "torch") != 0 && std::strcmp(name, "sys") != 0) return 0;
    open_other(lua, name);
    // Both modules have set their global by now; this one is for a `require` of the script's own.
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, 1);
    return 1;
}

}  // namespace

void preload_modules(lua_State* lua) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(lua, modules, 0);
    lua_pop(lua, 1);
}

void preload_globals(lua_State* lua) {
    register_split(lua);
    lua_pushglobaltable(lua);
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, index_globals);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
