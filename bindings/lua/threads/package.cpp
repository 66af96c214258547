// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/package.hpp"

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

// A preload entry that came with the state: its upvalue holds the function to call.
int call_handed_on(lua_State* lua) {
    const auto* holder = static_cast<ItemHolder*>(lua_touserdata(lua, lua_upvalueindex(1)));
    push_item(lua, holder->item, "require");
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

// One that could not come: its upvalue says why.
int refuse_handed_on(lua_State* lua) {
    return luaL_error(lua,
                      "require '%s' in a thread of ipc.map: the entry in package.preload could not "
                      "be handed on: %s",
                      luaL_optstring(lua, 1, "?"), lua_tostring(lua, lua_upvalueindex(1)));
}

// (function, entry): may raise where the function cannot go.
int pack_preload(lua_State* lua) {
    auto& entry = *static_cast<Preload*>(lua_touserdata(lua, 2));
    pack_item(lua, 1, Closures::welcome, "package.preload", entry.item);
    return 0;
}

void set_problem(lua_State* lua, Preload& entry, const char* text) {
    const Failure failure = attempt([&] { entry.problem = text; });
    if (failure) raise_string(lua, failure);
}

// The function on top of the stack, which stays there.
void capture_function(lua_State* lua, Preload& entry) {
    const lua_CFunction function = lua_tocfunction(lua, -1);
    const bool has_upvalues = lua_getupvalue(lua, -1, 1) != nullptr;
    if (function == call_handed_on) {
        entry.item = static_cast<ItemHolder*>(lua_touserdata(lua, -1))->item;
    } else if (function == refuse_handed_on) {
        set_problem(lua, entry, lua_tostring(lua, -1));
    } else if (function != nullptr) {
        if (has_upvalues)
            set_problem(lua, entry, "it is a C function with upvalues");
        else
            entry.function = function;
    } else {
        if (has_upvalues) lua_pop(lua, 1);
        lua_pushcfunction(lua, pack_preload);
        lua_pushvalue(lua, -2);
        lua_pushlightuserdata(lua, &entry);
        const int status = lua_pcall(lua, 2, 0, 0);
        if (status == LUA_OK) return;
        if (status == LUA_ERRMEM || lua_type(lua, -1) != LUA_TSTRING) lua_error(lua);
        set_problem(lua, entry, lua_tostring(lua, -1));
        lua_pop(lua, 1);
        return;
    }
    if (has_upvalues) lua_pop(lua, 1);
}

// The key and the value on top of the stack.
void capture_preload(lua_State* lua, Package& package) {
    if (lua_type(lua, -2) != LUA_TSTRING) return;
    const char* name = lua_tostring(lua, -2);
    Preload* entry = nullptr;
    const Failure failure = attempt([&] {
        entry = &package.preloads.emplace_back();
        entry->name = name;
    });
    if (failure) raise_string(lua, failure);
    if (lua_isfunction(lua, -1))
        capture_function(lua, *entry);
    else
        set_problem(lua, *entry, "it is no function");
}

void capture_text(lua_State* lua, const char* field, std::optional<std::string>& text) {
    lua_getfield(lua, -1, field);
    if (const char* value = lua_tostring(lua, -1)) {
        const Failure failure = attempt([&] { text = value; });
        if (failure) raise_string(lua, failure);
    }
    lua_pop(lua, 1);
}

void install_text(lua_State* lua, const char* field, const std::optional<std::string>& text) {
    if (!text) return;
    lua_pushlstring(lua, text->data(), text->size());
    lua_setfield(lua, -2, field);
}

void push_loader(lua_State* lua, const Preload& entry) {
    if (entry.function != nullptr) {
        lua_pushcfunction(lua, entry.function);
    } else if (entry.item) {
        push_item_holder(lua).item = entry.item;
        lua_pushcclosure(lua, call_handed_on, 1);
    } else {
        lua_pushlstring(lua, entry.problem.data(), entry.problem.size());
        lua_pushcclosure(lua, refuse_handed_on, 1);
    }
}

// Pushes `package`; false, and nothing, where there is none.
bool push_package(lua_State* lua) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    const bool is_there = lua_getfield(lua, -1, LUA_LOADLIBNAME) == LUA_TTABLE;
    lua_remove(lua, -2);
    if (!is_there) lua_pop(lua, 1);
    return is_there;
}

}  // namespace

void capture_package(lua_State* lua, Package& package) {
    luaL_checkstack(lua, 10, "package");
    if (push_package(lua)) {
        capture_text(lua, "path", package.path);
        capture_text(lua, "cpath", package.cpath);
        lua_pop(lua, 1);
    }
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        capture_preload(lua, package);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

void install_package(lua_State* lua, const Package& package) {
    if (push_package(lua)) {
        install_text(lua, "path", package.path);
        install_text(lua, "cpath", package.cpath);
        lua_pop(lua, 1);
    }
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const Preload& entry : package.preloads) {
        push_loader(lua, entry);
        lua_setfield(lua, -2, entry.name.c_str());
    }
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
