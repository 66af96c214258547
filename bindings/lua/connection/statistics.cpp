// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/statistics.hpp"

namespace ipcrun::lua {

namespace {

constexpr double bytes_of_megabyte = 1e6;

void push_direction(lua_State* lua, const ConnectionStatistics::Direction& direction) {
    lua_createtable(lua, 0, 5);
    const auto set_integer = [lua](const char* name, std::uint64_t value) {
        lua_pushinteger(lua, static_cast<lua_Integer>(value));
        lua_setfield(lua, -2, name);
    };
    const auto set_number = [lua](const char* name, double value) {
        lua_pushnumber(lua, value);
        lua_setfield(lua, -2, name);
    };
    set_integer("num_bytes", direction.bytes);
    set_integer("num_calls", direction.messages);
    set_integer("num_regions", 0);  // as it always was
    set_number("total_seconds", direction.seconds);
    const double megabytes = static_cast<double>(direction.bytes) / bytes_of_megabyte;
    set_number("NETWORK MB/s", direction.seconds > 0 ? megabytes / direction.seconds : 0);
}

}  // namespace

void push_statistics(lua_State* lua, const ConnectionStatistics& statistics) {
    lua_createtable(lua, 0, 4);
    push_direction(lua, statistics.sent);
    lua_setfield(lua, -2, "tx");
    push_direction(lua, statistics.received);
    lua_setfield(lua, -2, "rx");
}

}  // namespace ipcrun::lua
