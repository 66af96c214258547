// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/trees/module.hpp"

#include <cstring>

#include "bindings/lua/context.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/trees/functions.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.trees";

void push_core(lua_State* lua) {
    lua_newtable(lua);
    const int core = lua_gettop(lua);
    for (const luaL_Reg* functions :
         {view_functions, place_functions, error_functions, connection_functions,
          link_tree_functions, at_once_functions, group_functions, rendezvous_functions})
        luaL_setfuncs(lua, functions, 0);
    lua_pushcfunction(lua, luaopen_math);  // as it is, whatever scripts put in its place
    lua_call(lua, 0, 1);
    for (const char* name : {"max", "min"}) {
        lua_getfield(lua, -1, name);
        lua_setfield(lua, core, name);
    }
    lua_settop(lua, core);
}

void load_chunk(lua_State* lua, const char* text) {
    if (luaL_loadbufferx(lua, text, std::strlen(text), tree_chunk, "t") != LUA_OK) lua_error(lua);
}

// Pushes the function that gives the parts by name; made at the first call.
void push_use(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) != LUA_TNIL) return;
    lua_pop(lua, 1);
    lua_newtable(lua);
    const char* bootstrap = nullptr;
    for (const TreeSource* source = tree_sources; source->name != nullptr; ++source) {
        if (std::strcmp(source->name, "bootstrap") == 0) bootstrap = source->text;
        lua_pushstring(lua, source->text);
        lua_setfield(lua, -2, source->name);
    }
    load_chunk(lua, bootstrap);
    lua_insert(lua, -2);
    push_core(lua);
    lua_insert(lua, -2);
    lua_call(lua, 2, 1);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
}

void push_part(lua_State* lua, const char* name) {
    push_use(lua);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 1);
}

// ipc.tree([communicator])
int tree(lua_State* lua) {
    lua_settop(lua, 1);
    if (lua_isnil(lua, 1)) {
        lua_pushvalue(lua, lua_upvalueindex(1));  // ipc.world
        lua_call(lua, 0, 1);
        lua_replace(lua, 1);
    }
    luaL_checkudata(lua, 1, "ipc.Communicator");
    push_part(lua, "job");
    lua_insert(lua, 1);
    lua_call(lua, 1, 1);
    return 1;
}

}  // namespace

void push_tree_function(lua_State* lua) {
    lua_pushcclosure(lua, tree, 1);
}

int open_trees(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    (void)context(lua);
    preload_modules(lua);
    push_part(lua, "modules");
    lua_getfield(lua, -1, name);
    return 1;
}

}  // namespace ipcrun::lua
