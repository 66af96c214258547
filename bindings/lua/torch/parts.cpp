// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/parts.hpp"

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/torch/clocks.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.torch.parts";  // name -> what the file returned

/// A field of `torch` that is absent until it is read, and the file that sets it.
struct LazyField {
    const char* name;
    const char* part;
};
constexpr LazyField lazy_fields[] = {{"CmdLine", "cmdline"}, {"Timer", "timer"}};

const char* find_source(const char* name) {
    for (const TorchSource* source = torch_sources; source->name != nullptr; ++source)
        if (std::strcmp(source->name, name) == 0) return source->text;
    return nullptr;
}

/// __index of the module.
int load_field(lua_State* lua) {
    const char* key = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
    for (const LazyField& field : lazy_fields) {
        if (std::strcmp(key, field.name) != 0) continue;
        lua_settop(lua, 2);
        lua_pushcfunction(lua, measure_time);
        push_part(lua, 1, field.part, 1);
        lua_pushvalue(lua, 2);
        lua_rawget(lua, 1);
        return 1;
    }
    return 0;
}

}  // namespace

void push_part(lua_State* lua, int torch, const char* name, int arguments) {
    luaL_checkstack(lua, 10, name);
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, registry_key);
    lua_insert(lua, -1 - arguments);
    const int parts = lua_gettop(lua) - arguments;
    if (lua_getfield(lua, parts, name) != LUA_TNIL) {
        lua_replace(lua, parts);
        lua_settop(lua, parts);
        return;
    }
    lua_pop(lua, 1);
    const char* text = find_source(name);
    check(text != nullptr, "a part of torch is not built in");
    lua_pushfstring(lua, "=torch.%s", name);
    if (luaL_loadbufferx(lua, text, std::strlen(text), lua_tostring(lua, -1), "t") != LUA_OK)
        lua_error(lua);
    lua_remove(lua, -2);
    lua_insert(lua, parts + 1);
    lua_pushvalue(lua, torch);
    lua_insert(lua, parts + 2);
    lua_call(lua, arguments + 1, 1);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, parts, name);
    lua_remove(lua, parts);
}

void register_parts(lua_State* lua, int torch) {
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, load_field);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, torch);
}

}  // namespace ipcrun::lua
