// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/select.hpp"

#include <cstring>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/channel.hpp"
#include "bindings/lua/threads/workqueue.hpp"

namespace ipcrun::lua {

namespace {

struct Settings {
    Deadline deadline = Deadline::never();
    bool has_priority = false;
    int count = 0;
};

// The option on top, whose name is below it.
void read_option(lua_State* lua, Settings& settings) {
    const char* name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
    if (std::strcmp(name, "timeout") == 0) {
        const double seconds = lua_tonumber(lua, -1);
        if (lua_type(lua, -1) != LUA_TNUMBER || !(seconds >= 0))
            luaL_error(lua, "ipc.select: the timeout must be a number of seconds, 0 or more");
        settings.deadline = Deadline::after(Seconds(seconds));
    } else if (std::strcmp(name, "priority") == 0) {
        if (!lua_isboolean(lua, -1)) luaL_error(lua, "ipc.select: priority must be true or false");
        settings.has_priority = lua_toboolean(lua, -1) != 0;
    } else {
        luaL_error(lua, "ipc.select: unknown option '%s' (there are: timeout, priority)",
                   luaL_tolstring(lua, -2, nullptr));
    }
}

// The settings in the table at 1, of which all but a list are options.
Settings check_settings(lua_State* lua) {
    Settings settings;
    luaL_checktype(lua, 1, LUA_TTABLE);
    settings.count = static_cast<int>(lua_rawlen(lua, 1));
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
        int is_integer = 0;
        const lua_Integer place = lua_tointegerx(lua, -2, &is_integer);
        const bool is_entry = lua_type(lua, -2) == LUA_TNUMBER && is_integer != 0 && place >= 1 &&
                              place <= settings.count;
        if (!is_entry) read_option(lua, settings);
        lua_pop(lua, 1);
    }
    if (settings.count == 0)
        luaL_error(lua, "ipc.select: there is no channel or workqueue in the table");
    return settings;
}

// The source on top of the stack; null when it is something else.
ItemSource* test_source(lua_State* lua) {
    const HandleObject* handle = test_handle(lua, -1);
    return handle == nullptr ? nullptr : dynamic_cast<ItemSource*>(handle->holder.get());
}

// Nothing holds them: no code of Lua may run until they were used.
void find_sources(lua_State* lua, std::vector<ItemSource*>& sources) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        lua_rawgeti(lua, 1, static_cast<lua_Integer>(i) + 1);
        sources[i] = test_source(lua);
        if (sources[i] == nullptr)
            luaL_error(lua, "ipc.select: entry %d is no open channel or workqueue: %s",
                       static_cast<int>(i) + 1, luaL_tolstring(lua, -1, nullptr));
        lua_pop(lua, 1);
    }
}

int select(lua_State* lua) {
    Courier& reader = courier(lua);
    const Settings settings = check_settings(lua);
    const auto count = static_cast<std::size_t>(settings.count);
    const Failure failed = attempt([&] { reader.sources.resize(count); });
    if (failed) raise_table(lua, failed);
    find_sources(lua, reader.sources);
    const std::size_t first = settings.has_priority ? 0 : reader.turn++ % count;
    Taken taken;
    const Failure failure = attempt(
        [&] { taken = take_item(reader, reader.sources, first, settings.deadline, "ipc.select"); });
    if (failure) raise_table(lua, failure);
    if (taken.outcome != QueueOutcome::done) {
        const bool is_drained = taken.outcome == QueueOutcome::refused;
        lua_pushnil(lua);
        lua_pushinteger(
            lua, static_cast<lua_Integer>(is_drained ? QueueStatus::drained : QueueStatus::open));
        return 2;
    }
    ItemQueue& inlet = reader.sources[taken.source]->inlet(reader);
    // Held by the stack, whatever becomes of the table meanwhile.
    lua_rawgeti(lua, 1, static_cast<lua_Integer>(taken.source) + 1);
    lua_pushinteger(lua, static_cast<lua_Integer>(taken.source) + 1);
    lua_pushinteger(lua, static_cast<lua_Integer>(taken.after));
    inlet.push(lua, reader.taken, "ipc.select");
    return 3;
}

}  // namespace

void register_select(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    push_courier(lua);
    lua_pushcclosure(lua, select, 1);
    lua_setfield(lua, ipc, "select");
}

}  // namespace ipcrun::lua
