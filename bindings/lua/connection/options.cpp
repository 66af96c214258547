// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/options.hpp"

#include <cstring>
#include <string_view>

#include "base/fail.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* default_host = "127.0.0.1";
constexpr std::string_view unix_prefix = "unix:";

double check_timeout_value(lua_State* lua, int index) {
    if (lua_type(lua, -1) != LUA_TNUMBER || !(lua_tonumber(lua, -1) >= 0))
        luaL_argerror(lua, index, "the timeout must be a number of seconds, 0 or more");
    return lua_tonumber(lua, -1);
}

const char* check_text(lua_State* lua, int index, const char* what, std::size_t* length = nullptr) {
    // Only a string proper stays where it is when the value leaves the stack.
    if (lua_type(lua, -1) != LUA_TSTRING)
        luaL_argerror(lua, index, lua_pushfstring(lua, "%s must be a string", what));
    return lua_tolstring(lua, -1, length);
}

void read_choice(lua_State* lua, int index, ConnectionWish& wish) {
    const std::string_view name = check_text(lua, index, "link");
    if (name == "fastest")
        wish.choice = LinkChoice::fastest;
    else if (name == "memory")
        wish.choice = LinkChoice::memory;
    else if (name == "socket")
        wish.choice = LinkChoice::socket;
    else
        luaL_argerror(
            lua, index,
            lua_pushfstring(lua, "no such link: '%s' (there are: fastest, memory, socket)",
                            name.data()));
}

// The option's name is below its value, which is on top.
void read_option(lua_State* lua, int index, Side side, ConnectionWish& wish) {
    const std::string_view name =
        lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : std::string_view();
    if (name == "key") {
        wish.key = check_text(lua, index, "key", &wish.key_bytes);
    } else if (name == "key_file") {
        wish.key_file = check_text(lua, index, "key_file");
    } else if (name == "encrypt") {
        if (!lua_isboolean(lua, -1)) luaL_argerror(lua, index, "encrypt must be true or false");
        wish.encrypts = lua_toboolean(lua, -1) != 0;
    } else if (name == "link") {
        read_choice(lua, index, wish);
    } else if (name == "timeout" && side == Side::client) {
        wish.timeout = check_timeout_value(lua, index);
    } else {
        const char* known = side == Side::client ? "encrypt, key, key_file, link, timeout"
                                                 : "encrypt, key, key_file, link";
        lua_pop(lua, 1);
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "unknown option '%s' (there are: %s)",
                                      luaL_tolstring(lua, -1, nullptr), known));
    }
}

void read_options(lua_State* lua, int index, Side side, ConnectionWish& wish) {
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        read_option(lua, index, side, wish);
        lua_pop(lua, 1);
    }
    if (wish.key != nullptr && wish.key_file != nullptr)
        luaL_argerror(lua, index, "key and key_file cannot both be given");
}

void read_port(lua_State* lua, int index, Side side, ConnectionWish& wish) {
    const lua_Integer port = luaL_checkinteger(lua, index);
    const int least = side == Side::client ? 1 : 0;
    if (port < least || port > 65535)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "a port is an integer from %d to 65535", least));
    wish.port = static_cast<int>(port);
}

// What other libraries take for all interfaces is to be said in so many words.
void check_host(lua_State* lua, std::string_view host, Side side) {
    if (host.find('\0') != std::string_view::npos)
        luaL_argerror(lua, 1, "a host cannot have zeros in it");
    if (!host.empty() && host != "*") return;
    luaL_argerror(lua, 1,
                  side == Side::server ? "which host? 127.0.0.1 is this one alone, 0.0.0.0 and :: "
                                         "are all of its interfaces"
                                       : "which host? a name or an address expected");
}

}  // namespace

ConnectionWish check_connection_wish(lua_State* lua, Side side, int count) {
    ConnectionWish wish;
    int last = count;
    while (last > 0 && lua_isnil(lua, last)) --last;
    if (last > 0 && lua_istable(lua, last)) {
        read_options(lua, last, side, wish);
        --last;
        while (last > 0 && lua_isnil(lua, last)) --last;
    }
    const char* const expected =
        side == Side::client ? "a port, or a host and a port" : "a host and a port";
    if (last > 2) luaL_argerror(lua, 3, "a table of options expected");
    if (lua_type(lua, 1) == LUA_TNUMBER) {
        if (last == 2) luaL_typeerror(lua, 2, "a table of options");
        read_port(lua, 1, side, wish);
    } else if (last >= 1) {
        if (!lua_isnil(lua, 1)) {
            if (lua_type(lua, 1) != LUA_TSTRING) luaL_typeerror(lua, 1, expected);
            std::size_t bytes = 0;
            wish.host = lua_tolstring(lua, 1, &bytes);
            check_host(lua, {wish.host, bytes}, side);
        }
        if (last == 2) read_port(lua, 2, side, wish);
    } else if (side == Side::client) {
        luaL_typeerror(lua, 1, expected);
    }
    const bool is_unix =
        wish.host != nullptr && std::string_view(wish.host).starts_with(unix_prefix);
    if (is_unix && wish.port >= 0) luaL_argerror(lua, 2, "a Unix socket has no port");
    return wish;
}

Address address_of(const ConnectionWish& wish, Side side) {
    Address address;
    address.host = wish.host != nullptr ? wish.host : default_host;
    if (wish.port >= 0) {
        address.port = static_cast<std::uint16_t>(wish.port);
        if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
            address.host = address.host.substr(1, address.host.size() - 2);
        return address;
    }
    const bool is_unix = address.host.starts_with(unix_prefix);
    // A client must say where; a server that does not gets a port that is free.
    return is_unix || side == Side::client ? parse_address(address.host) : address;
}

Key key_of(const ConnectionWish& wish, const Household& household) {
    KeyWish wished;
    if (wish.key != nullptr) wished.text.emplace(wish.key, wish.key_bytes);
    if (wish.key_file != nullptr) wished.file = wish.key_file;
    const auto secret = household.secret();
    std::optional<Key> job_key;
    if (secret) job_key.emplace().bytes = *secret;
    return find_key(wished, job_key).key;
}

void check_no_more(lua_State* lua, int last) {
    for (int index = lua_gettop(lua); index > last; --index)
        if (!lua_isnil(lua, index)) luaL_argerror(lua, index, "nothing is expected there");
}

Deadline check_timeout_option(lua_State* lua, int index, Deadline fallback) {
    if (lua_isnoneornil(lua, index)) return fallback;
    luaL_checktype(lua, index, LUA_TTABLE);
    double timeout = -1;
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        if (lua_type(lua, -2) != LUA_TSTRING ||
            std::strcmp(lua_tostring(lua, -2), "timeout") != 0) {
            lua_pop(lua, 1);
            luaL_argerror(lua, index,
                          lua_pushfstring(lua, "unknown option '%s' (there is: timeout)",
                                          luaL_tolstring(lua, -1, nullptr)));
        }
        timeout = check_timeout_value(lua, index);
        lua_pop(lua, 1);
    }
    return timeout < 0 ? fallback : Deadline::after(Seconds(timeout));
}

}  // namespace ipcrun::lua
