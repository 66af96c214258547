// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/courier.hpp"

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* courier_name = "ipcrun.courier";
constexpr const char* batch_name = "ipcrun.batch";
// Its address is the key of this state's courier.
const char courier_key = 0;

template <typename T>
void register_type(lua_State* lua, const char* name) {
    luaL_newmetatable(lua, name);
    lua_pushcfunction(lua, collect<T>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}

}  // namespace

void register_courier(lua_State* lua) {
    (void)context(lua);  // made now: it must not be collected before what points to it
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &courier_key) == LUA_TNIL) {
        register_type<Courier>(lua, courier_name);
        register_type<Batch>(lua, batch_name);
        auto& created = create_userdata<Courier>(lua, courier_name);
        created.shared = &context(lua);
        const Failure failure = attempt([&] { created.identity = std::make_shared<char>(); });
        if (failure) raise_string(lua, failure);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, &courier_key);
    }
    lua_pop(lua, 1);
}

void push_courier(lua_State* lua) {
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &courier_key);
}

void register_courier_type(lua_State* lua, const char* type_name, const luaL_Reg* methods,
                           const luaL_Reg* metamethods) {
    register_handle_type(lua, type_name, nullptr);
    luaL_getmetatable(lua, type_name);
    lua_newtable(lua);
    push_courier(lua);
    luaL_setfuncs(lua, methods, 1);
    lua_setfield(lua, -2, "__index");
    push_courier(lua);
    luaL_setfuncs(lua, metamethods, 1);
    lua_pop(lua, 1);
}

Batch& push_batch(lua_State* lua, int first, const ItemQueue& queue, Closures closures,
                  const char* operation) {
    const int count = lua_gettop(lua) - first + 1;
    auto& batch = create_userdata<Batch>(lua, batch_name);
    const Failure failure = attempt([&] { batch.items.resize(static_cast<std::size_t>(count)); });
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
    for (int i = 0; i < count; ++i)
        queue.pack(lua, first + i, closures, operation, batch.items[static_cast<std::size_t>(i)]);
    return batch;
}

}  // namespace ipcrun::lua
