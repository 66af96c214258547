// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/parallel/link.hpp"

#include <sys/wait.h>

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "parallel.Link";

ChildProcess& child_of(const Link& link) {
    if (!link.child) fail(ErrorCode::usage, "the connection is closed, or it is not with a child");
    return *link.child;
}

// What is known of the end: whether it is good, how it is called, the report, the exit status or
// nil, the number of the signal or nil. Nothing else may be alive here: pushing may raise.
int push_end(lua_State* lua, const Link& link) {
    const ChildEnd& end = *link.end;
    lua_pushboolean(lua, end.is_good());
    lua_pushlstring(lua, link.described_end.data(), link.described_end.size());
    lua_pushlstring(lua, end.report.data(), end.report.size());
    if (WIFEXITED(end.wait_status))
        lua_pushinteger(lua, WEXITSTATUS(end.wait_status));
    else
        lua_pushnil(lua);
    if (WIFSIGNALED(end.wait_status))
        lua_pushinteger(lua, WTERMSIG(end.wait_status));
    else
        lua_pushnil(lua);
    return 5;
}

// link:ended([timeout]): nothing while the child runs, else its end. Without a timeout it waits.
int ended(lua_State* lua) {
    Link& link = check_link(lua, 1);
    const Timeout timeout = check_timeout(lua, 2);
    const Failure failure = attempt([&] {
        if (link.end) return;
        ChildProcess& child = child_of(link);
        link.end = timeout.is_test ? child.end() : child.wait_end(timeout.deadline);
        if (link.end) link.described_end = link.end->describe();
    });
    if (failure) raise_table(lua, failure);
    return link.end ? push_end(lua, link) : 0;
}

int pid(lua_State* lua) {
    const Link& link = check_link(lua, 1);
    if (link.child)
        lua_pushinteger(lua, link.child->pid());
    else if (link.parent)
        lua_pushinteger(lua, link.parent->pid());
    else
        lua_pushnil(lua);
    return 1;
}

int signal(lua_State* lua) {
    const Link& link = check_link(lua, 1);
    const auto number = static_cast<int>(luaL_checkinteger(lua, 2));
    if (const Failure failure = attempt([&] { child_of(link).signal(number); }))
        raise_table(lua, failure);
    return 0;
}

int set_lag(lua_State* lua) {
    Link& link = check_link(lua, 1);
    const lua_Integer bytes = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, bytes >= 0, 2, "a number of bytes, 0 or more");
    const Failure failure =
        attempt([&] { link.communicator().set_lag(static_cast<std::size_t>(bytes)); });
    if (failure) raise_table(lua, failure);
    return 0;
}

// link:report(text): to the parent, why this process is about to end.
int report(lua_State* lua) {
    const Link& link = check_link(lua, 1);
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 2, &length);
    const Failure failure = attempt([&] {
        if (!link.parent) fail(ErrorCode::usage, "report: the connection is not with a parent");
        link.parent->report({text, length});
    });
    if (failure) raise_table(lua, failure);
    return 0;
}

// Lets go of the connection; what is known of a child's end stays.
int close(lua_State* lua) {
    Link& link = check_link(lua, 1);
    const Failure failure = attempt([&] {
        link.child.reset();
        link.parent.reset();
        link.job.reset();
    });
    if (failure) raise_table(lua, failure);
    return 0;
}

int is_closed(lua_State* lua) {
    lua_pushboolean(lua, check_link(lua, 1).is_closed());
    return 1;
}

}  // namespace

Communicator& Link::communicator() {
    if (child) return child->communicator();
    if (parent) return parent->communicator();
    if (!job) fail(ErrorCode::usage, "the connection is closed");
    return job->messages();
}

void register_link(lua_State* lua) {
    static const luaL_Reg methods[] = {
        {"close", close},   {"ended", ended},     {"is_closed", is_closed}, {"pid", pid},
        {"report", report}, {"set_lag", set_lag}, {"signal", signal},       {nullptr, nullptr}};
    luaL_newmetatable(lua, metatable_name);
    luaL_newlib(lua, methods);
    luaL_setfuncs(lua, exchange_methods_of_links, 0);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, collect<Link>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}

Link& push_link(lua_State* lua) {
    return create_userdata<Link>(lua, metatable_name);
}

Link& check_link(lua_State* lua, int index) {
    return check_userdata<Link>(lua, index, metatable_name);
}

Timeout check_timeout(lua_State* lua, int index) {
    Timeout timeout;
    if (lua_isnoneornil(lua, index)) return timeout;
    const lua_Number seconds = luaL_checknumber(lua, index);
    timeout.is_test = seconds <= 0;
    timeout.deadline = Deadline::after(Seconds(timeout.is_test ? 0 : seconds));
    return timeout;
}

}  // namespace ipcrun::lua
