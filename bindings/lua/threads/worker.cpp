// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/worker.hpp"

#include <utility>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/modules.hpp"

namespace ipcrun::lua {

namespace {

// What the functions below get, as a light userdata.
struct Visit {
    const std::shared_ptr<Household>& household;
    Assignment& assignment;
    int id;
    Outcome& outcome;
    bool has_read = false;

    void leave_assignment() {
        if (!std::exchange(has_read, true)) assignment.leave();
    }
};

Visit& visit_of(lua_State* lua, int index) {
    return *static_cast<Visit*>(lua_touserdata(lua, index));
}

// (visit)
int prepare(lua_State* lua) {
    const Visit& visit = visit_of(lua, 1);
    luaL_openlibs(lua);
    create_worker_context(lua, visit.household);
    preload_modules(lua);
    preload_globals(lua);
    // Before the modules: their items are packed by functions that they register.
    for (const char* name : {"ipc", "torch"}) {
        lua_getglobal(lua, "require");
        lua_pushstring(lua, name);
        lua_call(lua, 1, 0);
    }
    install_package(lua, visit.assignment.package);
    return 0;
}

void call_init(lua_State* lua, const Item& init) {
    if (!init) return;
    push_item(lua, init, "ipc.map");
    if (lua_type(lua, -1) == LUA_TSTRING) {
        std::size_t length = 0;
        const char* text = lua_tolstring(lua, -1, &length);
        if (luaL_loadbufferx(lua, text, length, text, "t") != LUA_OK) lua_error(lua);
        lua_remove(lua, -2);
    }
    lua_call(lua, 0, 0);
}

// (visit) -> what the function returns
int call_function(lua_State* lua) {
    Visit& visit = visit_of(lua, 1);
    const Assignment& assignment = visit.assignment;
    call_init(lua, assignment.init);
    const auto count = static_cast<int>(assignment.arguments.size());
    luaL_checkstack(lua, count + 10, "ipc.map");
    push_item(lua, assignment.function, "ipc.map");
    for (const Item& argument : assignment.arguments) push_item(lua, argument, "ipc.map");
    visit.leave_assignment();
    lua_pushinteger(lua, visit.id);
    lua_call(lua, count + 1, LUA_MULTRET);
    return lua_gettop(lua) - 1;
}

// (results..., visit)
int pack_results(lua_State* lua) {
    const int count = lua_gettop(lua) - 1;
    std::vector<Item>& results = visit_of(lua, -1).outcome.results;
    const Failure failure = attempt([&] { results.resize(static_cast<std::size_t>(count)); });
    if (failure) raise_string(lua, failure);
    luaL_checkstack(lua, 10, "ipc.map");
    for (int i = 1; i <= count; ++i) {
        const char* place = lua_pushfstring(lua, "result %d", i);
        pack_item(lua, i, Closures::refused, place, results[static_cast<std::size_t>(i - 1)]);
        lua_pop(lua, 1);
    }
    return 0;
}

// The message handler: the error as text, with where it came from.
int describe_error(lua_State* lua) {
    const char* message = push_error_text(lua, 1);
    luaL_traceback(lua, lua, message, 1);
    return 1;
}

// The error on top of the stack, which is a text but where it was raised by the message handler.
void keep_error(lua_State* lua, const Visit& visit) {
    Outcome& outcome = visit.outcome;
    outcome.failed = true;
    outcome.by_the_end = visit.household->is_closing();
    const char* text =
        lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "not enough memory";
    // Without memory for it it stays empty.
    (void)attempt([&] {
        outcome.results.clear();
        outcome.error = text;
    });
}

// Raises nothing: beside protected calls only what takes no memory.
void work(lua_State* lua, Visit& visit) {
    lua_pushcfunction(lua, describe_error);
    for (const lua_CFunction step : {prepare, call_function}) {
        lua_pushcfunction(lua, step);
        lua_pushlightuserdata(lua, &visit);
        if (lua_pcall(lua, 1, LUA_MULTRET, 1) != LUA_OK) return keep_error(lua, visit);
    }
    if (lua_checkstack(lua, 1) == 0) {
        lua_settop(lua, 1);  // no text then: it is about memory
        return keep_error(lua, visit);
    }
    lua_pushcfunction(lua, pack_results);
    lua_replace(lua, 1);
    lua_pushlightuserdata(lua, &visit);
    if (lua_pcall(lua, lua_gettop(lua) - 1, 0, 0) != LUA_OK) keep_error(lua, visit);
}

}  // namespace

Outcome run_worker(const std::shared_ptr<Household>& household, Assignment& assignment, int id) {
    Outcome outcome;
    Visit visit{household, assignment, id, outcome};
    lua_State* lua = luaL_newstate();
    if (lua == nullptr) {
        outcome.failed = true;
        visit.leave_assignment();
        return outcome;
    }
    work(lua, visit);
    visit.leave_assignment();
    lua_close(lua);
    return outcome;
}

}  // namespace ipcrun::lua
