// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/loaded.hpp"

#include <algorithm>
#include <array>

namespace ipcrun::lua {

namespace {

// Its address is the key of the registry: a weak table, value -> "module" or "module\0field".
const char names_key = 0;

// Every state has these, so they are the best names.
constexpr std::array<std::string_view, 10> standard_modules{
    "_G", "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package"};

std::string_view text_at(lua_State* lua, int index) {
    std::size_t length = 0;
    const char* text = lua_tolstring(lua, index, &length);
    return {text, length};
}

LoadedName parse(std::string_view text) {
    const std::size_t zero = text.find('\0');
    if (zero == std::string_view::npos) return {text, {}, false};
    return {text.substr(0, zero), text.substr(zero + 1), true};
}

// Of two names of one value the same one is taken in every process.
bool is_better(std::string_view one, std::string_view other) {
    const auto place = [](std::string_view text) {
        return std::find(standard_modules.begin(), standard_modules.end(), parse(text).module);
    };
    if (place(one) != place(other)) return place(one) < place(other);
    if (one.size() != other.size()) return one.size() < other.size();
    return one < other;
}

// Gives the value at `value` the name on top, which it pops, unless it has a better one.
void give_name(lua_State* lua, int names, int value) {
    lua_pushvalue(lua, value);
    const bool has_one = lua_rawget(lua, names) == LUA_TSTRING;
    if (has_one && !is_better(text_at(lua, -2), text_at(lua, -1))) {
        lua_pop(lua, 2);
        return;
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, value);
    lua_insert(lua, -2);
    lua_rawset(lua, names);
}

bool is_name(lua_State* lua, int index) {
    return lua_type(lua, index) == LUA_TSTRING &&
           text_at(lua, index).find('\0') == std::string_view::npos;
}

// The globals are no module, whatever package.loaded says: they have a token of their own.
bool is_module(lua_State* lua, int index) {
    if (lua_isfunction(lua, index)) return true;
    if (!lua_istable(lua, index)) return false;
    lua_pushglobaltable(lua);
    const bool is_globals = lua_rawequal(lua, index < 0 ? index - 1 : index, -1) != 0;
    lua_pop(lua, 1);
    return !is_globals;
}

// Names the C functions of the module (name, table) on top of the stack.
void name_members(lua_State* lua, int names) {
    const int module = lua_gettop(lua) - 1;
    lua_pushnil(lua);
    while (lua_next(lua, module + 1) != 0) {
        if (is_name(lua, -2) && lua_iscfunction(lua, -1) != 0) {
            lua_pushvalue(lua, module);
            lua_pushlstring(lua, "\0", 1);
            lua_pushvalue(lua, -4);
            lua_concat(lua, 3);
            give_name(lua, names, lua_gettop(lua) - 1);
        }
        lua_pop(lua, 1);
    }
}

void rebuild_loaded_names(lua_State* lua) {
    lua_newtable(lua);
    const int names = lua_gettop(lua);
    lua_newtable(lua);
    lua_pushliteral(lua, "k");
    lua_setfield(lua, -2, "__mode");
    lua_setmetatable(lua, names);
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(lua);
    while (lua_next(lua, names + 1) != 0) {
        if (is_name(lua, -2)) {
            if (is_module(lua, -1)) {
                lua_pushvalue(lua, -2);
                give_name(lua, names, lua_gettop(lua) - 1);
            }
            if (lua_istable(lua, -1)) name_members(lua, names);
        }
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &names_key);
}

// Whether the value at `index` is what its name, a string on top of the stack, stands for now.
bool is_current(lua_State* lua, int index, const LoadedName& name) {
    const int top = lua_gettop(lua);
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushlstring(lua, name.module.data(), name.module.size());
    lua_rawget(lua, -2);
    if (name.is_member && lua_istable(lua, -1)) {
        lua_pushlstring(lua, name.field.data(), name.field.size());
        lua_rawget(lua, -2);
    }
    const bool is_same = lua_rawequal(lua, index, -1) != 0;
    lua_settop(lua, top);
    return is_same;
}

bool push_known_name(lua_State* lua, int index, LoadedName& name) {
    const int top = lua_gettop(lua);
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &names_key) == LUA_TTABLE) {
        lua_pushvalue(lua, index);
        if (lua_rawget(lua, -2) == LUA_TSTRING) {
            lua_remove(lua, -2);
            name = parse(text_at(lua, -1));
            if (is_current(lua, index, name)) return true;
        }
    }
    lua_settop(lua, top);
    return false;
}

// Pushes what the global function `require` gives.
void push_required(lua_State* lua, std::string_view module, const char* operation) {
    lua_pushglobaltable(lua);
    lua_pushliteral(lua, "require");
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
    lua_pushlstring(lua, module.data(), module.size());
    const int status = lua_pcall(lua, 1, 1, 0);
    if (status == LUA_OK) return;
    if (status == LUA_ERRMEM) lua_error(lua);
    const char* reason = luaL_tolstring(lua, -1, nullptr);
    lua_pushlstring(lua, module.data(), module.size());
    luaL_error(lua, "%s: the message needs the module '%s', which cannot be required here: %s",
               operation, lua_tostring(lua, -1), reason);
}

}  // namespace

void refresh_loaded_names(lua_State* lua) {
    luaL_checkstack(lua, 20, "names of modules");
    const int top = lua_gettop(lua);
    bool is_known = true;
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(lua);
    while (is_known && lua_next(lua, top + 1) != 0) {
        LoadedName name;
        if (is_name(lua, -2) && is_module(lua, -1)) is_known = push_known_name(lua, top + 3, name);
        lua_settop(lua, top + 2);
    }
    lua_settop(lua, top);
    if (!is_known) rebuild_loaded_names(lua);
}

bool push_loaded_name(lua_State* lua, int index, LoadedName& name) {
    luaL_checkstack(lua, 20, "names of modules");
    index = lua_absindex(lua, index);
    if (push_known_name(lua, index, name)) return true;
    if (lua_iscfunction(lua, index) == 0) return false;
    rebuild_loaded_names(lua);
    return push_known_name(lua, index, name);
}

bool has_loaded_module(lua_State* lua, int index) {
    luaL_checkstack(lua, 20, "names of modules");
    index = lua_absindex(lua, index);
    const int top = lua_gettop(lua);
    bool has_one = false;
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(lua);
    while (!has_one && lua_next(lua, top + 1) != 0) {
        if (is_name(lua, -2) && is_module(lua, -1)) {
            lua_pushvalue(lua, -1);
            has_one = lua_rawget(lua, index) != LUA_TNIL;
            lua_pop(lua, 1);
        }
        lua_pop(lua, 1);
    }
    lua_settop(lua, top);
    return has_one;
}

void push_loaded(lua_State* lua, const LoadedName& name, const char* operation) {
    luaL_checkstack(lua, 20, operation);
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushlstring(lua, name.module.data(), name.module.size());
    lua_pushvalue(lua, -1);  // for messages
    lua_rawget(lua, -3);
    if (lua_toboolean(lua, -1) == 0) {
        lua_pop(lua, 1);
        push_required(lua, name.module, operation);
    }
    const char* module = lua_tostring(lua, -2);
    if (name.is_member) {
        const bool is_table = lua_istable(lua, -1);
        lua_pushlstring(lua, name.field.data(), name.field.size());
        lua_pushvalue(lua, -1);
        if (is_table) lua_rawget(lua, -3);
        if (!is_table || !lua_isfunction(lua, -1))
            luaL_error(lua, "%s: the message needs the function '%s.%s', which is not here",
                       operation, module, lua_tostring(lua, -2));
        lua_replace(lua, -3);
        lua_pop(lua, 1);
    } else if (!lua_istable(lua, -1) && !lua_isfunction(lua, -1)) {
        luaL_error(lua, "%s: the message needs the module '%s', which is a %s here", operation,
                   module, luaL_typename(lua, -1));
    }
    lua_replace(lua, -3);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
