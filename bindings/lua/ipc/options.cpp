// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/options.hpp"

#include <cstring>
#include <limits>
#include <string_view>

#include "bindings/lua/parallel/module.hpp"
#include "bindings/lua/trees/module.hpp"

namespace ipcrun::lua {

namespace {

struct Known {
    const char* name;
    Option bit;
};
constexpr Known all_known[] = {{"async", option_async},     {"from", option_from},
                               {"into", option_into},       {"tag", option_tag},
                               {"timeout", option_timeout}, {"varying", option_varying}};

[[noreturn]] void raise_unknown(lua_State* lua, int index, unsigned known) {
    luaL_Buffer names;
    const char* key = luaL_tolstring(lua, -1, nullptr);
    int count = 0;
    luaL_buffinit(lua, &names);
    for (const Known& option : all_known) {
        if ((known & option.bit) == 0) continue;
        if (count++ > 0) luaL_addstring(&names, ", ");
        luaL_addstring(&names, option.name);
    }
    luaL_pushresult(&names);
    luaL_argerror(lua, index,
                  lua_pushfstring(lua, "unknown option '%s' (there %s: %s)", key,
                                  count == 1 ? "is" : "are", lua_tostring(lua, -1)));
    __builtin_unreachable();
}

// The integer on top, from 0 to `max`.
int check_small(lua_State* lua, int index, const char* name, lua_Integer max) {
    int is_integer = 0;
    const lua_Integer value = lua_tointegerx(lua, -1, &is_integer);
    if (is_integer == 0 || lua_type(lua, -1) != LUA_TNUMBER || value < 0 || value > max)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "%s must be an integer from 0 to %I", name, max));
    return static_cast<int>(value);
}

bool check_flag(lua_State* lua, int index, const char* name) {
    if (!lua_isboolean(lua, -1))
        luaL_argerror(lua, index, lua_pushfstring(lua, "%s must be true or false", name));
    return lua_toboolean(lua, -1) != 0;
}

// The value on top belongs to the option.
void read_option(lua_State* lua, int index, Option option, int size, Options& options) {
    switch (option) {
        case option_timeout:
            if (lua_type(lua, -1) != LUA_TNUMBER || !(lua_tonumber(lua, -1) >= 0))
                luaL_argerror(lua, index, "the timeout must be a number of seconds, 0 or more");
            options.timeout = lua_tonumber(lua, -1);
            return;
        case option_async:
            options.is_async = check_flag(lua, index, "async");
            return;
        case option_varying:
            options.is_varying = check_flag(lua, index, "varying");
            return;
        case option_tag:
            options.tag = check_small(lua, index, "the tag", std::numeric_limits<int>::max());
            return;
        case option_from:
            options.from = check_small(lua, index, "from", size - 1);
            return;
        case option_into:  // looked up again at the end
            return;
    }
}

bool is_our_own(const char* source) {
    return std::strcmp(source, tree_chunk) == 0 ||
           std::strncmp(source, parallel_chunk, std::strlen(parallel_chunk)) == 0;
}

const Known* find(std::string_view name, unsigned known) {
    for (const Known& option : all_known)
        if (name == option.name && (known & option.bit) != 0) return &option;
    return nullptr;
}

}  // namespace

Options check_options(lua_State* lua, int index, unsigned known, int size) {
    Options options;
    if (lua_isnoneornil(lua, index)) return options;
    if (!lua_istable(lua, index)) luaL_typeerror(lua, index, "a table of options");
    bool has_into = false;
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        const Known* option =
            lua_type(lua, -2) == LUA_TSTRING ? find(lua_tostring(lua, -2), known) : nullptr;
        if (option == nullptr) {
            lua_pop(lua, 1);
            raise_unknown(lua, index, known);
        }
        read_option(lua, index, option->bit, size, options);
        has_into = has_into || option->bit == option_into;
        lua_pop(lua, 1);
    }
    if (has_into) {
        lua_getfield(lua, index, "into");
        options.into = lua_gettop(lua);
    }
    if (options.timeout >= 0) options.deadline = Deadline::after(Seconds(options.timeout));
    return options;
}

Op check_op(lua_State* lua, int index) {
    const std::string_view name = luaL_optstring(lua, index, "sum");
    const auto op = parse_op(name);
    if (!op)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua,
                                      "no such operation: '%s' (there are: sum, prod, min, max, "
                                      "avg, land, lor, lxor, band, bor, bxor)",
                                      name.data()));
    return *op;
}

int check_rank(lua_State* lua, int index, const char* what, int size, int fallback) {
    if (fallback >= 0 && lua_isnoneornil(lua, index)) return fallback;
    const lua_Integer rank = luaL_checkinteger(lua, index);
    if (rank < 0 || rank >= size)
        luaL_argerror(
            lua, index,
            lua_pushfstring(lua, "%s must be a rank, from 0 to %d (size - 1)", what, size - 1));
    return static_cast<int>(rank);
}

LuaSite calling_line(lua_State* lua) {
    LuaSite site;
    lua_Debug frame;
    for (int level = 1; lua_getstack(lua, level, &frame) != 0; ++level) {
        lua_getinfo(lua, "Sl", &frame);
        if (frame.currentline <= 0 || is_our_own(frame.source)) continue;
        std::memcpy(site.file, frame.short_src, sizeof site.file);
        site.line = frame.currentline;
        break;
    }
    return site;
}

}  // namespace ipcrun::lua
