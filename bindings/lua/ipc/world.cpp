// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/world.hpp"

#include <string>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/value.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipcrun.world";

struct World {
    std::shared_ptr<Job> job;
};

// Finalisers that run when the state is closed may come after that of the world.
Job& check_open(lua_State* lua, const std::shared_ptr<Job>& job) {
    if (job == nullptr) luaL_error(lua, "the world is closed, as this Lua state is");
    return *job;
}

Job& check_world(lua_State* lua) {
    return check_open(lua, check_userdata<World>(lua, 1, metatable_name).job);
}

// The line of Lua that called us: the first level that has lines.
struct LuaSite {
    char file[LUA_IDSIZE] = "?";
    int line = 0;
    CallSite get() const { return {file, line}; }
};

LuaSite calling_line(lua_State* lua) {
    LuaSite site;
    lua_Debug frame;
    for (int level = 1; lua_getstack(lua, level, &frame) != 0; ++level) {
        lua_getinfo(lua, "Sl", &frame);
        if (frame.currentline <= 0) continue;
        std::memcpy(site.file, frame.short_src, sizeof site.file);
        site.line = frame.currentline;
        break;
    }
    return site;
}

// {timeout = seconds} at `index`, or nothing; anything else is an error.
Deadline check_options(lua_State* lua, int index) {
    if (lua_isnoneornil(lua, index)) return Deadline::never();
    luaL_checktype(lua, index, LUA_TTABLE);
    double timeout = -1;
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        if (lua_type(lua, -2) != LUA_TSTRING || std::strcmp(lua_tostring(lua, -2), "timeout") != 0)
            luaL_argerror(lua, index,
                          lua_pushfstring(lua, "unknown option '%s' (there is: timeout)",
                                          luaL_tolstring(lua, -2, nullptr)));
        if (lua_type(lua, -1) != LUA_TNUMBER || !(lua_tonumber(lua, -1) >= 0))
            luaL_argerror(lua, index, "the timeout must be a number of seconds, 0 or more");
        timeout = lua_tonumber(lua, -1);
        lua_pop(lua, 1);
    }
    return timeout < 0 ? Deadline::never() : Deadline::after(Seconds(timeout));
}

int barrier(lua_State* lua) {
    Job& job = check_world(lua);
    const Deadline deadline = check_options(lua, 2);
    const LuaSite site = calling_line(lua);
    if (const Failure failure = attempt([&] { job.world().barrier(deadline, site.get()); }))
        raise_table(lua, failure);
    return 0;
}

Op check_op(lua_State* lua, int index) {
    const std::string_view name = luaL_optstring(lua, index, "sum");
    const auto op = parse_op(name);
    if (!op)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua,
                                      "no such operation: '%s' (there are: sum, prod, min, "
                                      "max, avg)",
                                      name.data()));
    return *op;
}

int allreduce(lua_State* lua) {
    Job& job = check_world(lua);
    luaL_checkany(lua, 2);
    const bool options_third = lua_istable(lua, 3);
    const Op op = options_third ? Op::sum : check_op(lua, 3);
    const Deadline deadline = check_options(lua, options_third ? 3 : 4);
    const LuaSite site = calling_line(lua);
    Value& value = push_value(lua);
    value.load(lua, 2, "allreduce");
    const Failure failure = attempt([&] {
        value.pack(lua, op);
        Collective collective = Collective::allreduce(value.parts(), op);
        collective.layout = value.layout();
        job.world().run(collective, deadline, site.get());
        value.unpack();
    });
    if (failure) raise_table(lua, failure);
    return value.store(lua, 2, lua_gettop(lua));
}

int broadcast(lua_State* lua) {
    Job& job = check_world(lua);
    luaL_checkany(lua, 2);
    const auto root = luaL_optinteger(lua, 3, 0);
    luaL_argcheck(lua, root >= 0 && root < job.world().size(), 3,
                  "the root must be a rank, from 0 to size - 1");
    const Deadline deadline = check_options(lua, 4);
    const LuaSite site = calling_line(lua);
    Value& value = push_value(lua);
    value.load(lua, 2, "broadcast");
    const Failure failure = attempt([&] {
        value.pack(lua, Op::sum);
        Collective collective = Collective::broadcast(value.parts(), static_cast<int>(root));
        collective.layout = value.layout();
        job.world().run(collective, deadline, site.get());
        value.unpack();
    });
    if (failure) raise_table(lua, failure);
    return value.store(lua, 2, lua_gettop(lua));
}

int format(lua_State* lua) {
    const Job& job = check_world(lua);
    lua_pushfstring(lua, "ipc.world (rank %d of %d)", job.place().rank, job.place().size);
    return 1;
}

// Fields are made once, as upvalue 1: methods and the place in the job.
void create_metatable(lua_State* lua, const Job::Place& place) {
    static const luaL_Reg methods[] = {{"barrier", barrier},
                                       {"allreduce", allreduce},
                                       {"broadcast", broadcast},
                                       {nullptr, nullptr}};
    luaL_newmetatable(lua, metatable_name);
    luaL_newlib(lua, methods);
    const std::pair<const char*, int> fields[] = {{"rank", place.rank},
                                                  {"size", place.size},
                                                  {"node", place.node},
                                                  {"local_rank", place.local_rank},
                                                  {"local_size", place.local_size}};
    for (const auto& [name, number] : fields) {
        lua_pushinteger(lua, number);
        lua_setfield(lua, -2, name);
    }
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, format);
    lua_setfield(lua, -2, "__tostring");
    lua_pushcfunction(lua, collect<World>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}

int world(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, "ipcrun.the world") != LUA_TNIL) {
        (void)check_open(lua, static_cast<World*>(lua_touserdata(lua, -1))->job);
        return 1;
    }
    const Context& shared = context(lua);
    create_metatable(lua, check_open(lua, shared.job).place());
    register_value(lua);
    register_errors(lua);
    create_userdata<World>(lua, metatable_name).job = shared.job;
    lua_pushvalue(lua, -1);
    lua_setfield(lua, LUA_REGISTRYINDEX, "ipcrun.the world");
    return 1;
}

}  // namespace

void push_world_function(lua_State* lua) {
    lua_pushcfunction(lua, world);
}

}  // namespace ipcrun::lua
