// SPDX-License-Identifier: Apache-2.0
#include <climits>
#include <vector>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/trees/functions.hpp"
#include "runtime/connection/tree_shape.hpp"

namespace ipcrun::lua {

namespace {

TreePlace own_place(lua_State* lua) {
    TreePlace place;
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] { place = communicator.tree_place(communicator.rank()); });
    if (failure) raise_table(lua, failure);
    return place;
}

// place(communicator): {parent =, children =}: the nodes above and below this one in the tree of
// the members, in order; nodes count from 1.
int place(lua_State* lua) {
    lua_createtable(lua, 0, 3);
    lua_createtable(lua, static_cast<int>(own_place(lua).children.size()), 0);
    const TreePlace place = own_place(lua);  // anew: a finaliser may have closed the communicator
    int count = 0;
    for (const int child : place.children) {
        lua_pushinteger(lua, child + 1);
        lua_rawseti(lua, -2, ++count);
    }
    lua_setfield(lua, -2, "children");
    if (place.parent >= 0) {
        lua_pushinteger(lua, place.parent + 1);
        lua_setfield(lua, -2, "parent");
    }
    return 1;
}

// A list of integers of Lua, and what is made of it: in a userdata, so that Lua frees them.
struct Numbers {
    std::vector<int> given, found;
};

Numbers& push_numbers(lua_State* lua) {
    constexpr const char* type_name = "ipcrun.tree numbers";
    if (luaL_newmetatable(lua, type_name) != 0) {
        lua_pushcfunction(lua, collect<Numbers>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Numbers>(lua, type_name);
}

// shape(hosts, base): the list of parents, 0 for node 1.
int shape(lua_State* lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    const lua_Integer base = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, base >= 1 && base <= INT_MAX, 2, "the base is 1 at least");
    Numbers& numbers = push_numbers(lua);
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 1, i);
        const auto host = static_cast<int>(luaL_checkinteger(lua, -1));
        lua_pop(lua, 1);
        if (attempt([&] { numbers.given.push_back(host); })) luaL_error(lua, "not enough memory");
    }
    const Failure failure =
        attempt([&] { numbers.found = shape_tree(numbers.given, static_cast<int>(base)); });
    if (failure) raise_table(lua, failure);
    lua_createtable(lua, static_cast<int>(count), 0);
    for (lua_Integer i = 0; i < count; ++i) {
        lua_pushinteger(lua, numbers.found[static_cast<std::size_t>(i)] + 1);
        lua_rawseti(lua, -2, i + 1);
    }
    return 1;
}

}  // namespace

const luaL_Reg place_functions[] = {{"place", place}, {"shape", shape}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
