// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/marshal.hpp"

#include <algorithm>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/walk.hpp"
#include "bindings/lua/torch/classes.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* outgoing_name = "ipcrun.outgoing";
constexpr const char* incoming_name = "ipcrun.incoming";

}  // namespace

// Pushes "layers[2].callback (upvalue counter).x": the keys that lead to where the walk is.
void Walk::push_place() const {
    luaL_checkstack(lua, 10, operation);
    constexpr int shown_max = 20;
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int level = 0; level < std::min(depth, shown_max); ++level) {
        const int key = bottom + 3 * level + 1;
        if (lua_isfunction(lua, key - 1)) {
            const auto which = static_cast<int>(lua_tointeger(lua, key));
            const char* name = lua_getupvalue(lua, key - 1, which);
            if (name != nullptr) lua_pop(lua, 1);
            lua_pushfstring(lua, level == 0 ? "%s" : " (upvalue %s)", name);
        } else if (lua_type(lua, key) == LUA_TSTRING) {
            lua_pushfstring(lua, level == 0 ? "%s" : ".%s", lua_tostring(lua, key));
        } else if (lua_isinteger(lua, key) != 0) {
            lua_pushfstring(lua, "[%I]", lua_tointeger(lua, key));
        } else if (lua_type(lua, key) == LUA_TNUMBER) {
            lua_pushfstring(lua, "[%f]", lua_tonumber(lua, key));
        } else {
            lua_pushfstring(lua, "[a %s]", luaL_typename(lua, key));
        }
        luaL_addvalue(&text);
    }
    if (depth > shown_max) luaL_addstring(&text, "…");
    luaL_pushresult(&text);
}

void Walk::refuse(const char* what) const {
    if (depth == 0) luaL_error(lua, "%s: the value is %s, which cannot be sent", operation, what);
    push_place();
    const bool is_table = lua_istable(lua, bottom);
    const char* kind = at_key ? "the key" : is_table ? "field" : "upvalue";
    luaL_error(lua, "%s: %s '%s' of the %s is %s, which cannot be sent", operation, kind,
               lua_tostring(lua, -1), is_table ? "table" : "function", what);
    __builtin_unreachable();
}

void Walk::make_seen() {
    if (seen != 0) return;
    lua_newtable(lua);
    lua_replace(lua, bottom - 1);
    seen = bottom - 1;
}

// An object that was met before is named; one that was not gets the next number.
bool Walk::add_again(int object) {
    lua_pushvalue(lua, object);
    if (lua_rawget(lua, seen) == LUA_TNUMBER) {
        out.tokens.add_index(Tag::again, static_cast<std::uint32_t>(lua_tointeger(lua, -1)));
        lua_pop(lua, 1);
        return true;
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, object);
    lua_pushinteger(lua, objects++);
    lua_rawset(lua, seen);
    return false;
}

void Walk::check_depth() const {
    if (depth == token_depth_max)
        luaL_error(lua, "%s: tables and functions are nested more than %d deep", operation,
                   token_depth_max);
}

Step Walk::add_table(int index) {
    if (lua_topointer(lua, index) == globals) {
        out.tokens.add(Tag::globals);
        return Step::next;
    }
    if (has_functions && add_name(index)) return Step::next;
    make_seen();
    if (add_again(index)) return Step::next;
    check_depth();
    // What lua_createtable should know: the items of a list; other fields are not counted.
    const auto items =
        static_cast<std::uint32_t>(std::min<lua_Unsigned>(lua_rawlen(lua, index), 1 << 30));
    if (is_error_table(lua, index)) {
        out.tokens.begin_object(error_class_name, items);
    } else if (push_class_name(lua, index)) {
        std::size_t length = 0;
        const char* name = lua_tolstring(lua, -1, &length);
        out.tokens.begin_object({name, length}, items);
        lua_pop(lua, 1);
    } else {
        out.tokens.begin_table(items, 0);
    }
    return Step::enter;
}

// Adds the value at `index`, or its begin.
Step Walk::add(int index) {
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            out.tokens.add(Tag::nil);
            return Step::next;
        case LUA_TBOOLEAN:
            out.tokens.add(lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no);
            return Step::next;
        case LUA_TNUMBER:
            if (lua_isinteger(lua, index) != 0)
                out.tokens.add_integer(lua_tointeger(lua, index));
            else
                out.tokens.add_number(lua_tonumber(lua, index));
            return Step::next;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            out.tokens.add_string({text, length});
            return Step::next;
        }
        case LUA_TTABLE:
            return add_table(index);
        case LUA_TFUNCTION:
            return add_function(index);
        case LUA_TUSERDATA:
            add_userdata(index);
            return Step::next;
        default:
            refuse(lua_pushfstring(lua, "a %s", luaL_typename(lua, index)));
    }
}

// Goes into the table or function at `index`. The last nil stands for a value that is done.
void Walk::enter(int index) {
    was_at_key[depth++] = at_key;
    at_key = false;
    in_function = lua_isfunction(lua, index);
    luaL_checkstack(lua, 20, operation);
    lua_pushvalue(lua, index);
    lua_pushnil(lua);
    lua_pushnil(lua);
}

// Goes back to where what was visited stands.
void Walk::leave() {
    out.tokens.end();
    lua_pop(lua, 1);
    at_key = was_at_key[--depth];
    in_function = depth > 0 && lua_isfunction(lua, -3);
}

// The stack index of what is to be added next; 0 when nothing is left.
int Walk::next() {
    while (depth > 0) {
        if (at_key) {
            at_key = false;
            return lua_gettop(lua);
        }
        lua_pop(lua, 1);
        if (in_function) {
            if (next_upvalue()) return lua_gettop(lua);
        } else if (lua_next(lua, -2) != 0) {
            at_key = true;
            return lua_gettop(lua) - 1;
        }
        leave();
    }
    return 0;
}

// False when all is to begin anew.
bool Walk::run(int index) {
    lua_pushnil(lua);  // becomes the table of objects that were met, once one was
    bottom = lua_gettop(lua) + 1;
    for (int at = index; at != 0; at = next()) {
        const Step step = add(at);
        if (step == Step::restart) return false;
        if (step == Step::enter) enter(at);
    }
    return true;
}

void register_marshal(lua_State* lua) {
    for (const auto& [name, collector] :
         {std::pair<const char*, lua_CFunction>{outgoing_name, collect<Outgoing>},
          {incoming_name, collect<Incoming>}}) {
        luaL_newmetatable(lua, name);
        lua_pushcfunction(lua, collector);
        lua_setfield(lua, -2, "__gc");
        lua_pop(lua, 1);
    }
}

Outgoing& push_outgoing(lua_State* lua) {
    return create_userdata<Outgoing>(lua, outgoing_name);
}

Incoming& push_incoming(lua_State* lua) {
    return create_userdata<Incoming>(lua, incoming_name);
}

void marshal(lua_State* lua, int index, Carrier& carrier, const char* operation,
             Closures closures) {
    index = lua_absindex(lua, index);
    const int top = lua_gettop(lua);
    luaL_checkstack(lua, 10, operation);
    lua_pushglobaltable(lua);
    const void* globals = lua_topointer(lua, -1);
    lua_pop(lua, 1);
    for (bool is_done = false, has_functions = false; !is_done; has_functions = true) {
        Walk walk{.lua = lua,
                  .out = carrier,
                  .operation = operation,
                  .closures = closures,
                  .globals = globals};
        walk.has_functions = has_functions;
        is_done = walk.run(index);
        if (!is_done) carrier.clear();
        lua_settop(lua, top);
    }
}

}  // namespace ipcrun::lua
