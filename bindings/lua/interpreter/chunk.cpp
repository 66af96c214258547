// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/interpreter/chunk.hpp"

namespace ipcrun::lua {

namespace {

// An error table of ipcrun that tells of another rank's end.
bool is_peer_error(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TTABLE) return false;
    lua_pushliteral(lua, "code");
    lua_rawget(lua, index);
    lua_pushliteral(lua, "peer_lost");
    const bool result = lua_rawequal(lua, -1, -2) != 0;
    lua_pop(lua, 2);
    return result;
}

// The message handler; upvalue 1 is the Report::Kind to fill in.
int add_traceback(lua_State* lua) {
    auto& kind = *static_cast<Report::Kind*>(lua_touserdata(lua, lua_upvalueindex(1)));
    kind = is_peer_error(lua, 1) ? Report::Kind::peer_error : Report::Kind::runtime_error;
    const char* text = lua_tostring(lua, 1);
    if (text == nullptr && luaL_getmetafield(lua, 1, "__tostring") != LUA_TNIL)
        text = luaL_tolstring(lua, 1, nullptr);
    if (text == nullptr)
        text = lua_pushfstring(lua, "(the error is a %s value)", luaL_typename(lua, 1));
    luaL_traceback(lua, lua, text, 1);
    return 1;
}

}  // namespace

bool call_chunk(lua_State* lua, int arguments, int results, Report::Kind& kind) {
    kind = Report::Kind::runtime_error;
    const int function = lua_gettop(lua) - arguments;
    lua_pushlightuserdata(lua, &kind);
    lua_pushcclosure(lua, add_traceback, 1);
    lua_insert(lua, function);
    const int status = lua_pcall(lua, arguments, results, function);
    lua_remove(lua, function);
    return status == LUA_OK;
}

std::string_view error_text(lua_State* lua) {
    // No conversion of numbers, which could raise: a handler that ran out of memory leaves a
    // string.
    if (lua_type(lua, -1) != LUA_TSTRING) return "(an error without a message)";
    std::size_t bytes = 0;
    const char* text = lua_tolstring(lua, -1, &bytes);
    return {text, bytes};
}

}  // namespace ipcrun::lua
