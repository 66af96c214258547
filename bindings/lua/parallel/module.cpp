// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/parallel/module.hpp"

#include <cstring>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/parallel/link.hpp"

namespace ipcrun::lua {

namespace {

// The table `core`: our functions, and the metatable of errors.
void push_core(lua_State* lua) {
    lua_newtable(lua);
    luaL_setfuncs(lua, exchange_functions, 0);
    luaL_setfuncs(lua, process_functions, 0);
    luaL_setfuncs(lua, system_functions, 0);
    luaL_getmetatable(lua, "ipcrun.error");
    lua_setfield(lua, -2, "error_metatable");
}

void load(lua_State* lua, const char* text, const char* name) {
    if (luaL_loadbufferx(lua, text, std::strlen(text), name, "t") != LUA_OK) lua_error(lua);
}

}  // namespace

int open_parallel(lua_State* lua) {
    luaL_checkversion(lua);
    (void)context(lua);
    preload_modules(lua);
    // Values may hold tensors, whose metatable is torch's.
    lua_getglobal(lua, "require");
    lua_pushliteral(lua, "torch");
    lua_call(lua, 1, 0);
    register_errors(lua);
    register_marshal(lua);
    register_link(lua);
    const LuaSource* source = parallel_sources;
    load(lua, source->text, "=parallel.bootstrap");
    push_core(lua);
    lua_newtable(lua);
    for (++source; source->name != nullptr; ++source) {
        lua_pushstring(lua, source->text);
        lua_setfield(lua, -2, source->name);
    }
    lua_call(lua, 2, 1);
    return 1;
}

int open_sys(lua_State* lua) {
    luaL_checkversion(lua);
    load(lua, sys_source, "=sys");
    lua_newtable(lua);
    luaL_setfuncs(lua, system_functions, 0);
    lua_call(lua, 1, 1);
    return 1;
}

}  // namespace ipcrun::lua
