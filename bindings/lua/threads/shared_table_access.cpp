// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/shared_table_access.hpp"

#include <cmath>

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

// push_nested() in a protected call: stack: the table; `made`, from tables to what became of them;
// and `queue`, a list of those whose fields are still to be put. Not by recursion: they may be
// nested to any depth.
constexpr int made_index = 2;
constexpr int queue_index = 3;

void push_made(lua_State* lua, int table) {
    table = lua_absindex(lua, table);
    lua_pushvalue(lua, table);
    if (lua_rawget(lua, made_index) == LUA_TUSERDATA) return;
    lua_pop(lua, 1);
    push_shared_table(lua, true);
    lua_pushvalue(lua, table);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, made_index);
    lua_pushvalue(lua, table);
    lua_rawseti(lua, queue_index, static_cast<lua_Integer>(lua_rawlen(lua, queue_index)) + 1);
}

// The table on top; what became of it below.
void fill(lua_State* lua) {
    const int table = lua_gettop(lua);
    auto& shared = check_handle<SharedTable>(lua, table - 1, shared_table_name);
    lua_pushnil(lua);
    while (lua_next(lua, table) != 0) {
        if (is_plain_table(lua, -1)) {
            push_made(lua, -1);
            lua_replace(lua, -2);
        }
        store(lua, shared, table + 1, table + 2);
        lua_settop(lua, table + 1);
    }
}

int make_nested(lua_State* lua) {
    push_made(lua, 1);
    for (lua_Integer i = 1; lua_rawgeti(lua, queue_index, i) == LUA_TTABLE; ++i) {
        push_made(lua, -1);
        lua_insert(lua, -2);
        fill(lua);
        lua_pop(lua, 2);
    }
    lua_pop(lua, 1);
    return 1;
}

// Those that were made before an error may hold each other, and would stay for ever.
void clear_made(lua_State* lua, int made) {
    lua_pushnil(lua);
    while (lua_next(lua, made) != 0) {
        const HandleObject* handle = test_handle(lua, -1);
        if (handle != nullptr && handle->holder)
            static_cast<SharedTable*>(handle->holder.get())->clear();
        lua_pop(lua, 1);
    }
}

}  // namespace

bool read_key(lua_State* lua, int index, LuaKey& key) {
    switch (lua_type(lua, index)) {
        case LUA_TBOOLEAN:
            key.view = {.kind = KeyKind::boolean, .integer = lua_toboolean(lua, index)};
            return true;
        case LUA_TNUMBER: {
            // As in tables, 2.0 is 2.
            int is_integer = 0;
            const lua_Integer integer = lua_tointegerx(lua, index, &is_integer);
            if (is_integer != 0)
                key.view = {.kind = KeyKind::integer, .integer = integer};
            else
                key.view = {.kind = KeyKind::number, .number = lua_tonumber(lua, index)};
            return !std::isnan(key.view.number);
        }
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            key.view = {.kind = KeyKind::text, .text = {text, length}};
            return true;
        }
        case LUA_TUSERDATA:
            key.handle = test_handle(lua, index);
            if (key.handle == nullptr || !key.handle->holder) return false;
            key.view = {.kind = KeyKind::object, .object = key.handle->holder.get()};
            return true;
        default:
            return false;
    }
}

LuaKey check_key(lua_State* lua, int index) {
    LuaKey key;
    if (read_key(lua, index, key)) return key;
    if (lua_isnil(lua, index)) luaL_error(lua, "sharedtable: the index is nil");
    if (lua_type(lua, index) == LUA_TNUMBER) luaL_error(lua, "sharedtable: the index is NaN");
    luaL_error(lua,
               "sharedtable: a key is a boolean, a number, a string or an open object of ipc, and "
               "no %s",
               luaL_typename(lua, index));
    return key;
}

void push_key(lua_State* lua, const Key& key) {
    switch (key.kind) {
        case KeyKind::boolean:
            return lua_pushboolean(lua, static_cast<int>(key.integer));
        case KeyKind::integer:
            return lua_pushinteger(lua, key.integer);
        case KeyKind::number:
            return lua_pushnumber(lua, key.number);
        case KeyKind::text:
            lua_pushlstring(lua, key.text.data(), key.text.size());
            return;
        case KeyKind::object:
            push_handle(lua, key.object);
            return;
    }
}

SharedTable& push_shared_table(lua_State* lua, bool is_nested) {
    HandleObject& handle = push_new_handle(lua, shared_table_name);
    const Failure failure = attempt(
        [&handle, is_nested] { handle.holder = Holder(std::make_shared<SharedTable>(is_nested)); });
    if (failure) raise_string(lua, failure);
    intern_handle(lua);
    return static_cast<SharedTable&>(*handle.holder.get());
}

void push_kept(lua_State* lua, const SharedTable& table, int index) {
    if (table.is_nested() && is_plain_table(lua, index))
        push_nested(lua, index);
    else
        lua_pushvalue(lua, index);
}

void store(lua_State* lua, SharedTable& table, int key, int value) {
    key = lua_absindex(lua, key);
    value = lua_absindex(lua, value);
    luaL_checkstack(lua, 10, "sharedtable");
    (void)check_key(lua, key);  // before tables are made that may hold each other
    push_kept(lua, table, value);
    ItemHolder& holder = push_item_holder(lua);
    if (!lua_isnil(lua, -2)) pack_item(lua, -2, Closures::refused, "sharedtable", holder.item);
    const LuaKey held = check_key(lua, key);
    const Failure failure = attempt([&] { table.put(held.hold(), std::move(holder.item)); });
    if (failure) raise_string(lua, failure);
    lua_pop(lua, 2);
}

bool is_plain_table(lua_State* lua, int index) {
    if (!lua_istable(lua, index)) return false;
    if (lua_getmetatable(lua, index) == 0) return true;
    lua_pop(lua, 1);
    return false;
}

void push_nested(lua_State* lua, int index) {
    index = lua_absindex(lua, index);
    luaL_checkstack(lua, 10, "sharedtable");
    lua_newtable(lua);
    const int made = lua_gettop(lua);
    lua_pushcfunction(lua, make_nested);
    lua_pushvalue(lua, index);
    lua_pushvalue(lua, made);
    lua_newtable(lua);
    if (lua_pcall(lua, 3, 1, 0) != LUA_OK) {
        clear_made(lua, made);
        lua_error(lua);
    }
    lua_remove(lua, made);
}

}  // namespace ipcrun::lua
