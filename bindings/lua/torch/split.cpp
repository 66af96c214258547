// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/split.hpp"

#include <algorithm>
#include <string_view>

namespace ipcrun::lua {

int split(lua_State* lua) {
    std::size_t length = 0;
    const char* bytes = luaL_checklstring(lua, 1, &length);
    const std::string_view text(bytes, length);
    bytes = luaL_optlstring(lua, 2, ":", &length);
    const std::string_view separator(bytes, length);
    luaL_argcheck(lua, !separator.empty(), 2, "the separator is empty");
    lua_newtable(lua);
    lua_Integer count = 0;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        if (end > begin) {
            lua_pushlstring(lua, text.data() + begin, end - begin);
            lua_rawseti(lua, -2, ++count);
        }
        begin = end + separator.size();
    }
    return 1;
}

void register_split(lua_State* lua) {
    lua_getglobal(lua, LUA_STRLIBNAME);
    if (lua_istable(lua, -1)) {
        if (lua_getfield(lua, -1, "split") == LUA_TNIL) {
            lua_pushcfunction(lua, split);
            lua_setfield(lua, -3, "split");
        }
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
