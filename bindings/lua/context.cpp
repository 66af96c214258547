// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/context.hpp"

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.context";
constexpr const char* metatable_name = "ipcrun.context metatable";

void create(lua_State* lua) {
    luaL_newmetatable(lua, metatable_name);
    lua_pushcfunction(lua, collect<Context>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
    auto& created = create_userdata<Context>(lua, metatable_name);
    const Failure failure = attempt([&created] {
        created.generator.seed(std::random_device{}());
        created.job = Job::join();
        if (!created.job->is_alone()) created.heap = created.job->heap();
    });
    if (failure) raise_string(lua, failure);
    lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
}

}  // namespace

Context& context(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) == LUA_TNIL) {
        lua_pop(lua, 1);
        create(lua);
        lua_getfield(lua, LUA_REGISTRYINDEX, registry_key);
    }
    auto* result = static_cast<Context*>(lua_touserdata(lua, -1));
    lua_pop(lua, 1);
    return *result;
}

}  // namespace ipcrun::lua
