// SPDX-License-Identifier: Apache-2.0
// ipc.mutex in Lua.
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/mutex.hpp"
#include "bindings/lua/threads/objects.hpp"
#include "bindings/lua/threads/seconds.hpp"

namespace ipcrun::lua {

namespace {

// The table in the registry of the handles of locked mutexes, by their objects. A handle that is
// in use nowhere else, as of `t.mutex:lock()`, would be collected: that reads as the thread's end.
constexpr const char* locked_name = "ipcrun.locked mutexes";

Mutex& check_mutex(lua_State* lua) {
    return check_handle<Mutex>(lua, 1, mutex_name);
}

void keep(lua_State* lua, const Mutex& mutex) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, locked_name);
    lua_pushvalue(lua, 1);
    lua_rawsetp(lua, -2, &mutex);
    lua_pop(lua, 1);
}

// Does not raise: the entry is there, and an entry that is set to nil takes no memory.
void drop(lua_State* lua, const Mutex& mutex) {
    lua_getfield(lua, LUA_REGISTRYINDEX, locked_name);
    lua_pushnil(lua);
    lua_rawsetp(lua, -2, &mutex);
    lua_pop(lua, 1);
}

void lock(lua_State* lua, Deadline deadline) {
    Mutex& mutex = check_mutex(lua);
    Context& thread = context(lua);
    const bool is_first = !mutex.is_held_by(thread);
    if (is_first) keep(lua, mutex);
    const Failure failure = attempt([&] { mutex.lock(thread, deadline); });
    if (!failure) return;
    if (is_first) drop(lua, mutex);
    raise_table(lua, failure);
}

void unlock(lua_State* lua) {
    Mutex& mutex = check_mutex(lua);
    Context& thread = context(lua);
    const Failure failure = attempt([&] { mutex.unlock(thread); });
    if (failure) raise_string(lua, failure);
    if (!mutex.is_held_by(thread)) drop(lua, mutex);
}

// mutex:lock([timeout])
int call_lock(lua_State* lua) {
    lock(lua, check_seconds(lua, 2));
    return 0;
}

// mutex:unlock()
int call_unlock(lua_State* lua) {
    unlock(lua);
    return 0;
}

// local held <close> = mutex:guard([timeout]): the mutex itself, whose __close unlocks.
int guard(lua_State* lua) {
    lock(lua, check_seconds(lua, 2));
    lua_settop(lua, 1);
    return 1;
}

// Quiet where the scope has unlocked it already: another error may be on its way.
int close_guard(lua_State* lua) {
    if (check_mutex(lua).is_held_by(context(lua))) unlock(lua);
    return 0;
}

// mutex:barrier(n [, timeout])
int barrier(lua_State* lua) {
    Mutex& mutex = check_mutex(lua);
    const lua_Integer size = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, size >= 1, 2, "a number of threads, 1 or more");
    const Deadline deadline = check_seconds(lua, 3);
    Context& thread = context(lua);
    const Failure failure = attempt([&] { mutex.meet(thread, size, deadline); });
    if (!failure) return 0;
    if (failure.code == ErrorCode::usage) raise_string(lua, failure);
    raise_table(lua, failure);
}

// ipc.mutex()
int create(lua_State* lua) {
    HandleObject& handle = push_new_handle(lua, mutex_name);
    const Failure failure =
        attempt([&handle] { handle.holder = Holder(std::make_shared<Mutex>()); });
    if (failure) raise_string(lua, failure);
    intern_handle(lua);
    return 1;
}

constexpr luaL_Reg methods[] = {{"barrier", barrier},
                                {"guard", guard},
                                {"lock", call_lock},
                                {"unlock", call_unlock},
                                {nullptr, nullptr}};
constexpr luaL_Reg metamethods[] = {{"__close", close_guard}, {nullptr, nullptr}};

}  // namespace

void register_mutex(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_errors(lua);
    register_handle_type(lua, mutex_name, methods, metamethods);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "mutex");
}

}  // namespace ipcrun::lua
