// SPDX-License-Identifier: Apache-2.0
// Functions, their upvalues, and what goes by its name.
#include <cstring>

#include "bindings/lua/ipc/loaded.hpp"
#include "bindings/lua/ipc/walk.hpp"

namespace ipcrun::lua {

// What the receiver has under the same name goes by its name.
bool Walk::add_name(int index) {
    LoadedName name;
    if (!push_loaded_name(lua, index, name)) return false;
    if (name.is_member)
        out.tokens.add_member(name.module, name.field);
    else
        out.tokens.add_module(name.module);
    lua_pop(lua, 1);
    return true;
}

// Only values with functions in them pay for names of modules: these are learnt at the first
// function. False when a module was already walked into: then all begins anew, with the names.
bool Walk::meet_function() {
    if (has_functions) return true;
    has_functions = true;
    refresh_loaded_names(lua);
    return seen == 0 || !has_loaded_module(lua, seen);
}

namespace {

int count_code(lua_State*, const void*, std::size_t size, void* bytes) {
    *static_cast<std::size_t*>(bytes) += size;
    return 0;
}

int write_code(lua_State*, const void* piece, std::size_t size, void* tokens) {
    static_cast<TokenWriter*>(tokens)->add_code({static_cast<const char*>(piece), size});
    return 0;
}

}  // namespace

// As torch-ipc: _ENV alone may be there.
void Walk::check_closure(int index) const {
    const char* first = lua_getupvalue(lua, index, 1);
    if (first == nullptr) return;
    const char* second = lua_getupvalue(lua, index, 2);
    if (second == nullptr && std::strcmp(first, "_ENV") == 0) return lua_pop(lua, 1);
    const bool is_first = std::strcmp(first, "_ENV") != 0;
    const char* upvalue = is_first ? first : second;
    if (is_first && second != nullptr) lua_pop(lua, 1);
    // Mostly it is a module, as in `local torch = require "torch"` at the top of a script.
    LoadedName name;
    const char* hint = "";
    if (push_loaded_name(lua, lua_gettop(lua), name) && !name.is_member)
        hint = lua_pushfstring(lua, "require '%s' within the function, ", lua_tostring(lua, -1));
    lua_Debug info;
    lua_pushvalue(lua, index);
    lua_getinfo(lua, ">Su", &info);
    luaL_error(lua,
               "%s: the function at %s:%d is a closure with %d upvalue%s, '%s' among them, which "
               "do not go along here: %sgive it their values as arguments, or send it by writeup() "
               "or ipc.marshal(f, true)",
               operation, info.short_src, info.linedefined, int(info.nups),
               info.nups == 1 ? "" : "s", upvalue, hint);
}

Step Walk::add_function(int index) {
    if (!meet_function()) return Step::restart;
    if (add_name(index)) return Step::next;
    if (lua_iscfunction(lua, index) != 0) refuse("a C function that is in no loaded module");
    make_seen();
    if (add_again(index)) return Step::next;
    check_depth();
    if (closures == Closures::refused) check_closure(index);
    // Twice, since the length goes first. With its lines and names: tracebacks have them.
    std::size_t bytes = 0;
    lua_pushvalue(lua, index);
    lua_dump(lua, count_code, &bytes, 0);
    out.tokens.begin_function(bytes);
    lua_dump(lua, write_code, &out.tokens, 0);
    lua_pop(lua, 1);
    return Step::enter;
}

// As lua_next for the upvalues of a function: to the next one whose value is to be added.
bool Walk::next_upvalue() {
    auto which = static_cast<int>(lua_tointeger(lua, -1));
    const int function = lua_gettop(lua) - 1;
    lua_pop(lua, 1);
    while (const char* name = lua_getupvalue(lua, function, ++which)) {
        if (std::strcmp(name, "_ENV") == 0) {
            out.tokens.add_environment(static_cast<std::uint8_t>(which));
            lua_pop(lua, 1);
            continue;
        }
        const void* cell = lua_upvalueid(lua, function, which);
        if (lua_rawgetp(lua, seen, cell) == LUA_TNUMBER) {
            out.tokens.add_shared(static_cast<std::uint8_t>(which),
                                  static_cast<std::uint32_t>(lua_tointeger(lua, -1)));
            lua_pop(lua, 2);
            continue;
        }
        lua_pop(lua, 1);
        lua_pushinteger(lua, cells++);
        lua_rawsetp(lua, seen, cell);
        out.tokens.begin_upvalue(static_cast<std::uint8_t>(which));
        lua_pushinteger(lua, which);
        lua_insert(lua, -2);
        return true;
    }
    return false;
}

}  // namespace ipcrun::lua
