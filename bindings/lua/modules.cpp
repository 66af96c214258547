// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/modules.hpp"

#include "bindings/lua/ipc/module.hpp"
#include "bindings/lua/tensor.hpp"

namespace ipcrun::lua {

namespace {

// torch-ipc's name for the module: the same table.
int open_libipc(lua_State* lua) {
    lua_getglobal(lua, "require");
    lua_pushliteral(lua, "ipc");
    lua_call(lua, 1, 1);
    return 1;
}

// {name, the function that opens it}, ended by an empty entry.
constexpr luaL_Reg modules[] = {
    {"ipc", open_ipc},
    {"libipc", open_libipc},
    {"torch", open_torch},
    {nullptr, nullptr},
};

}  // namespace

void preload_modules(lua_State* lua) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(lua, modules, 0);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
