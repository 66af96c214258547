// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/tensor.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/trees/functions.hpp"

namespace ipcrun::lua {

namespace {

// raise(code, rank, message); rank: nil where it is about none
int raise(lua_State* lua) {
    Failure failure;
    const std::string_view name = luaL_checkstring(lua, 1);
    const auto rank = static_cast<int>(luaL_optinteger(lua, 2, -1));
    ErrorCode code = ErrorCode::usage;
    for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i)
        if (name_of(static_cast<ErrorCode>(i)) == name) code = static_cast<ErrorCode>(i);
    failure.set(code, luaL_checkstring(lua, 3), rank);
    raise_table(lua, failure);
}

// text_of(error): what it says, whatever value it is
int text_of(lua_State* lua) {
    (void)push_error_text(lua, 1);
    return 1;
}

// at_line(text): behind the line of Lua that called the tree
int at_line(lua_State* lua) {
    const LuaSite site = calling_line(lua);
    if (site.line > 0)
        lua_pushfstring(lua, "%s:%d: %s", site.file, site.line, luaL_checkstring(lua, 1));
    return 1;
}

// call(f, ...): what it gives. It cannot yield: there would be no way back into a reduction.
int call(lua_State* lua) {
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

int is_tensor(lua_State* lua) {
    lua_pushboolean(lua, test_tensor(lua, 1) != nullptr);
    return 1;
}

// is_unpatched(name): of a method of tensors, or a metamethod
int is_unpatched(lua_State* lua) {
    lua_pushboolean(lua, is_method_ours(lua, luaL_checkstring(lua, 1)));
    return 1;
}

}  // namespace

const luaL_Reg error_functions[] = {
    {"raise", raise},         {"text_of", text_of},           {"at_line", at_line},
    {"is_tensor", is_tensor}, {"is_unpatched", is_unpatched}, {"call", call},
    {nullptr, nullptr}};

}  // namespace ipcrun::lua
