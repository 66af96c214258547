// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <climits>

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/map.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* results_name = "ipcrun.map.results";

// What is pushed one by one, held where Lua's errors cannot lose it.
struct Results {
    std::vector<Item> items;
};

MapObject& check_map(lua_State* lua) {
    return check_userdata<MapObject>(lua, 1, map_type);
}

// Seconds at `index`; -1 where there are none.
double check_timeout(lua_State* lua, int index) {
    if (lua_isnoneornil(lua, index)) return -1;
    const double seconds = luaL_checknumber(lua, index);
    luaL_argcheck(lua, seconds >= 0, index, "a timeout is a number of seconds, 0 or more");
    return seconds;
}

// Returns once all threads have ended; negative `timeout`: without limit.
void await(lua_State* lua, Team& team, double timeout) {
    const Failure failure = attempt([&] {
        const Deadline deadline =
            timeout < 0 ? Deadline::never() : Deadline::after(Seconds(timeout));
        Bell* const bells[] = {&team.ended()};
        if (!wait_for(context(lua), bells, deadline, "ipc.map: join",
                      [&team] { return team.running() == 0; }))
            fail(ErrorCode::timeout, "ipc.map: join: {} of {} threads still run after {} s",
                 team.running(), team.size(), timeout);
    });
    if (failure) raise_table(lua, failure);
}

void push_error(lua_State* lua, const Team& team, int id) {
    const std::string& text = team.error(id);
    lua_pushfstring(lua, "thread %d of ipc.map: %s", id,
                    text.empty() ? "not enough memory" : text.c_str());
}

/// map:join([timeout]): what the functions returned, by the numbers of their threads. Raises the
/// error of the last thread that failed.
int join(lua_State* lua) {
    MapObject& map = check_map(lua);
    const double timeout = check_timeout(lua, 2);
    if (map.team == nullptr) return 0;
    Team& team = *map.team;
    await(lua, team, timeout);
    if (const auto failed = team.last_failed()) {
        push_error(lua, team, *failed);
        team.clear();
        return lua_error(lua);
    }
    auto& results = create_userdata<Results>(lua, results_name);
    const Failure failure = attempt([&] { results.items = team.results(); });
    if (failure) raise_string(lua, failure);
    const std::size_t count = results.items.size();
    if (count > INT_MAX / 2 || lua_checkstack(lua, static_cast<int>(count) + 20) == 0)
        luaL_error(lua,
                   "ipc.map: join: Lua's stack cannot take %d results: let the threads return "
                   "tables of them",
                   static_cast<int>(std::min<std::size_t>(count, INT_MAX)));
    for (std::size_t i = 0; i < count; ++i) push_item(lua, results.items[i], "ipc.map: join");
    team.clear();
    return static_cast<int>(count);
}

/// map:checkErrors(): raises the error of a thread that has ended with one; that is told then, and
/// join() gives what the others return. Does not wait.
int check_errors(lua_State* lua) {
    MapObject& map = check_map(lua);
    if (map.team == nullptr) return 0;
    const auto failed = map.team->first_failed();
    if (!failed) return 0;
    push_error(lua, *map.team, *failed);
    map.team->forget_error(*failed);
    return lua_error(lua);
}

// __close(map, error): as join, without the results. An error that is on its way goes first.
int close(lua_State* lua) {
    MapObject& map = check_map(lua);
    if (map.team == nullptr) return 0;
    Team& team = *map.team;
    await(lua, team, -1);
    const auto failed = team.last_failed();
    const bool raises = failed && lua_isnoneornil(lua, 2);
    if (raises) push_error(lua, team, *failed);
    team.clear();
    return raises ? lua_error(lua) : 0;
}

int collect_map(lua_State* lua) {
    auto& map = *static_cast<MapObject*>(lua_touserdata(lua, 1));
    if (map.team != nullptr) map.team->abandon();
    map.team.reset();
    return 0;
}

}  // namespace

void register_map_methods(lua_State* lua) {
    static const luaL_Reg methods[] = {
        {"join", join}, {"checkErrors", check_errors}, {nullptr, nullptr}};
    register_errors(lua);
    luaL_newmetatable(lua, results_name);
    lua_pushcfunction(lua, collect<Results>);
    lua_setfield(lua, -2, "__gc");
    luaL_newmetatable(lua, map_type);
    lua_pushcfunction(lua, collect_map);
    lua_setfield(lua, -2, "__gc");
    lua_pushcfunction(lua, close);
    lua_setfield(lua, -2, "__close");
    lua_newtable(lua);
    luaL_setfuncs(lua, methods, 0);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 2);
}

}  // namespace ipcrun::lua
