// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/map.hpp"

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

namespace {

// The number of threads at index 1; `call` is "map".
int check_size(lua_State* lua, const char* call) {
    int is_integer = 0;
    const lua_Integer size = lua_tointegerx(lua, 1, &is_integer);
    if (is_integer == 0 || size < 0 || size > team_size_max)
        luaL_error(lua, "%s arg #1 expected a number of threads, from 0 to %d, got %s", call,
                   team_size_max,
                   lua_type(lua, 1) < LUA_TTABLE ? luaL_tolstring(lua, 1, nullptr)
                                                 : luaL_typename(lua, 1));
    return static_cast<int>(size);
}

constexpr const char* sentinel_type = "ipcrun.map.sentinel";
constexpr const char* sentinel_key = "ipcrun.map.newest sentinel";

// Lua finalises what was made last first. So of the state that the program began with, the newest
// sentinel hears that this is closed before the channels are gone for which threads wait; older
// ones were dropped.
int collect_sentinel(lua_State* lua) {
    lua_getfield(lua, LUA_REGISTRYINDEX, sentinel_key);
    const Context& shared = context(lua);
    if (lua_rawequal(lua, 1, -1) != 0 && !shared.is_worker && shared.household != nullptr)
        shared.household->close();
    return 0;
}

void post_sentinel(lua_State* lua) {
    lua_newuserdatauv(lua, 1, 0);
    if (luaL_newmetatable(lua, sentinel_type) != 0) {
        lua_pushcfunction(lua, collect_sentinel);
        lua_setfield(lua, -2, "__gc");
    }
    lua_setmetatable(lua, -2);
    lua_setfield(lua, LUA_REGISTRYINDEX, sentinel_key);
}

std::shared_ptr<Household> check_household(lua_State* lua) {
    const Context& shared = context(lua);
    const Household& household = household_of(shared, "ipc.map");
    if (shared.is_worker && household.is_closing())
        fail(ErrorCode::peer_lost, "ipc.map: the program that this thread belongs to is ending");
    return shared.household;
}

void pack_argument(lua_State* lua, int index, const char* call, Item& item) {
    const char* place = lua_pushfstring(lua, "%s arg #%d", call, index);
    pack_item(lua, index, Closures::refused, place, item);
    lua_pop(lua, 1);
}

// Starts `size` threads that call the function at `function` with what follows it; first `init`, a
// stack index or 0.
int start_map(lua_State* lua, const char* call, int size, int init, int function) {
    const int last = lua_gettop(lua);
    luaL_checkstack(lua, 10, call);
    auto& object = create_userdata<MapObject>(lua, map_type);
    // The map is what Lua's errors cannot lose: all is made within it.
    Failure failure = attempt([&] {
        object.team = std::make_shared<Team>(check_household(lua), size);
        object.team->assignment().arguments.resize(static_cast<std::size_t>(last - function));
    });
    if (failure) raise_string(lua, failure);
    Assignment& assignment = object.team->assignment();
    if (init != 0) pack_argument(lua, init, call, assignment.init);
    pack_argument(lua, function, call, assignment.function);
    for (int i = function + 1; i <= last; ++i)
        pack_argument(lua, i, call,
                      assignment.arguments[static_cast<std::size_t>(i - function - 1)]);
    capture_package(lua, assignment.package);
    post_sentinel(lua);
    failure = attempt([&] { Team::start(object.team); });
    if (failure) raise_string(lua, failure);
    return 1;
}

/// ipc.map(n, f, ...): starts n threads that call f(..., number of the thread).
int map(lua_State* lua) {
    const int size = check_size(lua, "map");
    if (!lua_isfunction(lua, 2)) luaL_error(lua, "map arg #2 expected a function");
    return start_map(lua, "map", size, 0, 2);
}

/// ipc.map_extended(n, init, f, ...): the same, after init(), or the chunk of that text.
int map_extended(lua_State* lua) {
    const int size = check_size(lua, "map_extended");
    const bool has_init = !lua_isnoneornil(lua, 2);
    if (has_init && !lua_isfunction(lua, 2) && lua_type(lua, 2) != LUA_TSTRING)
        luaL_error(lua, "map_extended arg #2 expected a function, string or nil");
    if (!lua_isfunction(lua, 3)) luaL_error(lua, "map_extended arg #3 expected a function");
    return start_map(lua, "map_extended", size, has_init ? 2 : 0, 3);
}

}  // namespace

void register_map(lua_State* lua, int ipc) {
    register_map_methods(lua);
    lua_pushcfunction(lua, map);
    lua_setfield(lua, ipc, "map");
    lua_pushcfunction(lua, map_extended);
    lua_setfield(lua, ipc, "map_extended");
}

}  // namespace ipcrun::lua
