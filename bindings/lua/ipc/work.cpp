// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/work.hpp"

#include <algorithm>

#include "bindings/lua/ipc/errors.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipc.Work";

Work& check_work(lua_State* lua) {
    Work& work = check_userdata<Work>(lua, 1, metatable_name);
    if (work.finish == nullptr) luaL_error(lua, "the work is closed, as this Lua state is");
    if (work.results < 0 && (work.membership == nullptr || work.membership->get() == nullptr))
        luaL_error(lua, "the communicator of this work is closed");
    return work;
}

// Runs `ask`, which says whether the work is done. Pushes the results when it is; else false and
// "timeout".
template <typename Ask>
int finish_if(lua_State* lua, Work& work, Ask ask) {
    lua_settop(lua, 1);
    lua_getiuservalue(lua, 1, 1);
    if (work.results < 0) {
        bool is_done = false;
        if (const Failure failure = attempt([&] { is_done = ask(*work.pending); }))
            raise_table(lua, failure);
        if (!is_done) {
            lua_pushboolean(lua, 0);
            lua_pushliteral(lua, "timeout");
            return 2;
        }
        const int results = work.finish(lua, work, 2);
        lua_createtable(lua, results, 0);
        for (int i = 1; i <= results; ++i) {
            lua_pushvalue(lua, 2 + i);
            lua_rawseti(lua, -2, i);
        }
        lua_setiuservalue(lua, 1, 1);
        work.results = results;
        return results;
    }
    for (int i = 1; i <= work.results; ++i) lua_rawgeti(lua, 2, i);
    return work.results;
}

int wait(lua_State* lua) {
    Work& work = check_work(lua);
    const lua_Number seconds = luaL_optnumber(lua, 2, -1);
    luaL_argcheck(lua, lua_isnoneornil(lua, 2) || seconds >= 0, 2,
                  "the timeout must be a number of seconds, 0 or more");
    const Deadline deadline =
        lua_isnoneornil(lua, 2) ? Deadline::never() : Deadline::after(Seconds(seconds));
    return finish_if(lua, work, [&](Pending& pending) { return pending.wait(deadline); });
}

int test(lua_State* lua) {
    Work& work = check_work(lua);
    bool is_done = work.results >= 0;
    if (!is_done) {
        if (const Failure failure = attempt([&] { is_done = work.pending->test(); }))
            raise_table(lua, failure);
    }
    lua_pushboolean(lua, is_done);
    return 1;
}

int format(lua_State* lua) {
    const Work& work = check_userdata<Work>(lua, 1, metatable_name);
    lua_pushstring(lua, work.results >= 0 ? "ipc.Work (finished)" : "ipc.Work");
    return 1;
}

}  // namespace

void Membership::keep(std::shared_ptr<Pending> pending) {
    std::erase_if(under_way, [](const std::shared_ptr<Pending>& other) {
        try {
            return other->test();
        } catch (const Error&) {
            return true;  // it has ended; whoever waits for it hears of it
        }
    });
    under_way.push_back(std::move(pending));
}

void register_work(lua_State* lua) {
    static const luaL_Reg methods[] = {{"wait", wait}, {"test", test}, {nullptr, nullptr}};
    luaL_newmetatable(lua, metatable_name);
    luaL_newlib(lua, methods);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, format);
    lua_setfield(lua, -2, "__tostring");
    lua_pushcfunction(lua, collect<Work>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}

Work& push_work(lua_State* lua, Work::Finish finish) {
    Work* work = new (lua_newuserdatauv(lua, sizeof(Work), 1)) Work();
    luaL_setmetatable(lua, metatable_name);
    lua_insert(lua, -2);
    lua_setiuservalue(lua, -2, 1);
    work->finish = finish;
    return *work;
}

int finish_with_first(lua_State* lua, Work&, int table) {
    lua_rawgeti(lua, table, 1);
    return 1;
}

}  // namespace ipcrun::lua
