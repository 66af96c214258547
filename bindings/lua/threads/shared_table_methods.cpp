// SPDX-License-Identifier: Apache-2.0
// ipc.sharedtable in Lua. Names of methods would hide keys: what is no access to a field is a
// function of the module.
#include <cstring>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/threads/objects.hpp"
#include "bindings/lua/threads/shared_table_access.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* keys_name = "ipcrun.shared keys";

// A walk of pairs(): the keys that there were when it began.
struct Keys {
    std::vector<Key> keys;
    std::size_t at = 0;
};

SharedTable& check_table(lua_State* lua) {
    return check_handle<SharedTable>(lua, 1, shared_table_name);
}

// Pushes the value at the key: nothing, and false, when there is none.
bool push_value(lua_State* lua, const SharedTable& table, const KeyView& key) {
    ItemHolder& holder = push_item_holder(lua);
    const Failure failure = attempt([&] { holder.item = table.get(key); });
    if (failure) raise_string(lua, failure);
    if (!holder.item) {
        lua_pop(lua, 1);
        return false;
    }
    push_item(lua, holder.item, "sharedtable");
    lua_remove(lua, -2);
    return true;
}

int get(lua_State* lua) {
    const SharedTable& table = check_table(lua);
    LuaKey key;
    if (!read_key(lua, 2, key) || !push_value(lua, table, key.view)) lua_pushnil(lua);
    return 1;
}

int set(lua_State* lua) {
    store(lua, check_table(lua), 2, 3);
    return 0;
}

int length(lua_State* lua) {
    lua_pushinteger(lua, static_cast<lua_Integer>(check_table(lua).size()));
    return 1;
}

int next(lua_State* lua) {
    const SharedTable& table = check_table(lua);
    auto& walk = *static_cast<Keys*>(lua_touserdata(lua, lua_upvalueindex(1)));
    while (walk.at < walk.keys.size()) {
        const Key& key = walk.keys[walk.at++];
        lua_settop(lua, 1);
        push_key(lua, key);
        // Others may have taken it away.
        if (push_value(lua, table, key.view())) return 2;
    }
    lua_pushnil(lua);
    return 1;
}

int pairs(lua_State* lua) {
    const SharedTable& table = check_table(lua);
    Keys& walk = create_userdata<Keys>(lua, keys_name);
    const Failure failure = attempt([&] { walk.keys = table.keys(); });
    if (failure) raise_string(lua, failure);
    lua_pushcclosure(lua, next, 1);
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

struct Settings {
    bool move = false;
    bool is_nested = false;
};

void check_requires(lua_State* lua, int index) {
    index = lua_absindex(lua, index);
    if (lua_isnoneornil(lua, index) || lua_type(lua, index) == LUA_TSTRING) return;
    if (!lua_istable(lua, index))
        luaL_error(lua, "sharedtable: requires: expected a list of names of modules, or nil");
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, index));
    for (lua_Integer i = 1; i <= count; ++i) {
        if (lua_rawgeti(lua, index, i) != LUA_TSTRING)
            luaL_error(lua, "sharedtable: requires[%I]: expected the name of a module", i);
        lua_pop(lua, 1);
    }
}

Settings read_settings(lua_State* lua, int index) {
    Settings settings;
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        const char* name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
        bool* flag = std::strcmp(name, "move") == 0     ? &settings.move
                     : std::strcmp(name, "nested") == 0 ? &settings.is_nested
                                                        : nullptr;
        if (flag != nullptr && !lua_isboolean(lua, -1))
            luaL_argerror(lua, index, lua_pushfstring(lua, "%s must be true or false", name));
        if (flag != nullptr)
            *flag = lua_toboolean(lua, -1) != 0;
        else if (std::strcmp(name, "requires") == 0)
            check_requires(lua, -1);
        else
            luaL_argerror(
                lua, index,
                lua_pushfstring(lua, "unknown option '%s' (there are: move, nested, requires)",
                                luaL_tolstring(lua, -2, nullptr)));
        lua_pop(lua, 1);
    }
    return settings;
}

// torch-ipc's arguments: move, requires, and two sizes that mean nothing here. Ours need no modules
// in a state of its own: who reads an object of a class requires what that takes.
Settings check_settings(lua_State* lua) {
    if (lua_istable(lua, 2)) {
        if (!lua_isnoneornil(lua, 3)) luaL_argerror(lua, 3, "the options come last");
        return read_settings(lua, 2);
    }
    check_requires(lua, 3);
    (void)luaL_optnumber(lua, 4, 0);
    (void)luaL_optnumber(lua, 5, 0);
    return {.move = lua_toboolean(lua, 2) != 0};
}

void empty(lua_State* lua, int table) {
    lua_pushnil(lua);
    while (lua_next(lua, table) != 0) {
        lua_pop(lua, 1);
        lua_pushvalue(lua, -1);
        lua_pushnil(lua);
        lua_rawset(lua, table);
    }
}

// ipc.sharedtable([table [, options]]), or ipc.sharedtable([table [, move [, requires …]]])
int create(lua_State* lua) {
    if (!lua_isnoneornil(lua, 1) && !lua_istable(lua, 1))
        luaL_error(lua, "sharedtable arg #1 expected to be a table or nil");
    const Settings settings = check_settings(lua);
    lua_settop(lua, 1);
    if (!lua_istable(lua, 1)) {
        push_shared_table(lua, settings.is_nested);
        return 1;
    }
    if (settings.is_nested) {
        push_nested(lua, 1);
    } else {
        SharedTable& table = push_shared_table(lua, false);
        lua_pushnil(lua);
        while (lua_next(lua, 1) != 0) {
            store(lua, table, 3, 4);
            lua_pop(lua, 1);
        }
    }
    if (settings.move) empty(lua, 1);
    return 1;
}

// ipc.sharedtable_size(t): KiB
int size(lua_State* lua) {
    lua_pushnumber(lua, static_cast<lua_Number>(check_table(lua).bytes()) / 1024);
    return 1;
}

// Packs the number at `index` as the other kind of number, where that is the same.
void pack_other(lua_State* lua, int index, Item& item) {
    if (lua_type(lua, index) != LUA_TNUMBER) return;
    const lua_Number number = lua_tonumber(lua, index);
    lua_Integer integer = 0;
    if (lua_isinteger(lua, index) == 0) {
        if (lua_numbertointeger(number, &integer) == 0) return;
        lua_pushinteger(lua, integer);
    } else {
        lua_pushnumber(lua, number);
    }
    if (lua_compare(lua, index, -1, LUA_OPEQ) != 0)
        pack_item(lua, -1, Closures::refused, "sharedtable_swap", item);
    lua_pop(lua, 1);
}

// ipc.sharedtable_swap(t, key, expected, value): true; or false and what is there
int swap(lua_State* lua) {
    SharedTable& table = check_table(lua);
    const int type = lua_type(lua, 3);
    const bool is_handle = test_handle(lua, 3) != nullptr;
    if (!is_handle && type != LUA_TNIL && type != LUA_TBOOLEAN && type != LUA_TNUMBER &&
        type != LUA_TSTRING)
        luaL_typeerror(lua, 3, "nil, a boolean, a number, a string or an object of ipc");
    luaL_checkany(lua, 4);
    lua_settop(lua, 4);
    ItemHolder& expected = push_item_holder(lua);
    ItemHolder& other = push_item_holder(lua);
    ItemHolder& value = push_item_holder(lua);
    ItemHolder& found = push_item_holder(lua);
    if (type != LUA_TNIL) pack_item(lua, 3, Closures::refused, "sharedtable_swap", expected.item);
    pack_other(lua, 3, other.item);
    push_kept(lua, table, 4);
    if (!lua_isnil(lua, -1)) pack_item(lua, -1, Closures::refused, "sharedtable_swap", value.item);
    const LuaKey key = check_key(lua, 2);
    bool is_done = false;
    const Failure failure = attempt([&] {
        is_done =
            table.swap(key.hold(), expected.item, other.item, std::move(value.item), found.item);
    });
    if (failure) raise_string(lua, failure);
    lua_pushboolean(lua, static_cast<int>(is_done));
    if (is_done) return 1;
    if (!found.item)
        lua_pushnil(lua);
    else
        push_item(lua, found.item, "sharedtable_swap");
    return 2;
}

constexpr luaL_Reg metamethods[] = {{"__index", get},
                                    {"__len", length},
                                    {"__newindex", set},
                                    {"__pairs", pairs},
                                    {nullptr, nullptr}};
constexpr luaL_Reg functions[] = {{"sharedtable", create},
                                  {"sharedtable_size", size},
                                  {"sharedtable_swap", swap},
                                  {nullptr, nullptr}};

}  // namespace

void register_shared_table(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_handle_type(lua, shared_table_name, nullptr, metamethods);
    if (luaL_newmetatable(lua, keys_name) != 0) {
        lua_pushcfunction(lua, collect<Keys>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, ipc);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
