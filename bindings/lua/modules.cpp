// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/modules.hpp"

#include "bindings/lua/ipc/module.hpp"
#include "bindings/lua/parallel/module.hpp"
#include "bindings/lua/tensor.hpp"

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
    {"ipc", open_ipc}, {"lab", open_lab},     {"libipc", open_libipc}, {"parallel", open_parallel},
    {"sys", open_sys}, {"torch", open_torch}, {nullptr, nullptr},
};

}  // namespace

void preload_modules(lua_State* lua) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(lua, modules, 0);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
