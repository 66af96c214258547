// SPDX-License-Identifier: Apache-2.0
// Where links come from: children that are started, the parent, the ranks of the job.
#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/parallel/link.hpp"
#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

namespace {

// The strings of a list, borrowed from it, in a userdata on top of the stack.
struct Texts {
    const char** first;
    std::size_t count;
    std::vector<std::string> copy() const { return {first, first + count}; }
};

Texts check_texts(lua_State* lua, int index) {
    luaL_checktype(lua, index, LUA_TTABLE);
    const std::size_t count = lua_rawlen(lua, index);
    auto** first =
        static_cast<const char**>(lua_newuserdatauv(lua, (count + 1) * sizeof(const char*), 0));
    for (std::size_t i = 0; i < count; ++i) {
        lua_rawgeti(lua, index, static_cast<lua_Integer>(i) + 1);
        if (lua_type(lua, -1) != LUA_TSTRING) luaL_argerror(lua, index, "a list of strings");
        first[i] = lua_tostring(lua, -1);
        if (std::strlen(first[i]) != lua_rawlen(lua, -1))
            luaL_argerror(lua, index, "strings for a program have no zero bytes in them");
        lua_pop(lua, 1);
    }
    return {first, count};
}

// spawn(agent, program, argv, environment): the link to a program that has been started.
int spawn(lua_State* lua) {
    const char* agent = luaL_checkstring(lua, 1);
    const char* program = luaL_checkstring(lua, 2);
    const Texts argv = check_texts(lua, 3);
    const Texts environment = check_texts(lua, 4);
    Context& shared = context(lua);
    Link& link = push_link(lua);
    const Failure failure = attempt([&] {
        if (!shared.children) {
            shared.household->begin_family();
            shared.children = std::make_unique<Children>(agent);
        }
        link.child = shared.children->spawn(
            {program, argv.copy(), environment.copy(), shared.household->secret()});
        link.member = 1;
    });
    if (failure) raise_table(lua, failure);
    return 1;
}

// close(grace): ends all children; returns when they are gone.
int close(lua_State* lua) {
    const Seconds grace(luaL_checknumber(lua, 1));
    Context& shared = context(lua);
    const Failure failure = attempt([&] {
        if (shared.children) shared.children->close(grace);
    });
    if (failure) raise_table(lua, failure);
    return 0;
}

// parent(): the link to the process that started this one; nil when that is none of ours, and in
// threads, whose program it is the parent of.
int parent(lua_State* lua) {
    Context& shared = context(lua);
    if (shared.is_worker) return 0;
    Link& link = push_link(lua);
    const Failure failure = attempt([&] {
        link.parent = ParentProcess::join();
        if (link.parent) shared.household->take_secret(*link.parent);
    });
    if (failure) raise_table(lua, failure);
    if (!link.parent) lua_pushnil(lua);
    return 1;
}

// rank(number): the link to a rank of the job.
int rank(lua_State* lua) {
    const auto number = static_cast<int>(luaL_checkinteger(lua, 1));
    Link& link = push_link(lua);
    const std::shared_ptr<Job>& job = check_job(lua, "parallel");
    luaL_argcheck(lua, number >= 0 && number < job->place().size, 1, "not a rank");
    link.job = job;
    link.member = number;
    return 1;
}

// place(): the number of this rank, and how many there are; nothing where there is no job.
int place(lua_State* lua) {
    const Context& shared = context(lua);
    if (shared.job == nullptr || shared.job->is_alone()) return 0;
    lua_pushinteger(lua, shared.job->place().rank);
    lua_pushinteger(lua, shared.job->place().size);
    return 2;
}

}  // namespace

const luaL_Reg process_functions[] = {{"close", close}, {"parent", parent}, {"place", place},
                                      {"rank", rank},   {"spawn", spawn},   {nullptr, nullptr}};

}  // namespace ipcrun::lua
