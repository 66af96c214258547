// SPDX-License-Identifier: Apache-2.0
// Whether somebody wants this process to end: a batch system whose time is over, ipcrun, a person.
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "bindings/lua/system/module.hpp"

namespace ipcrun::lua {

namespace {

struct Wish {
    const char* name;
    int number;
    std::atomic<bool> is_heeded = false;  // from the first call that names it, in any thread
};
Wish wishes[] = {
    {"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};

// The first that came; 0: none has.
std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);

void note(int number) {
    int none = 0;
    received.compare_exchange_strong(none, number);
}

// What has been asked for is not taken back: a second signal ends nothing either. Batch systems
// send TERM twice, and KILL when their patience is over.
int heed(lua_State* lua, Wish& wish) {
    if (wish.is_heeded) return 0;
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = SA_RESTART;
    ::sigfillset(&action.sa_mask);
    if (::sigaction(wish.number, &action, nullptr) != 0)
        return luaL_error(lua, "ipc.stopping: heed the signal %s: %s", wish.name,
                          std::strerror(errno));
    wish.is_heeded = true;
    return 0;
}

// ipc.stopping([signal, ...]): the name of the first signal that came, or false.
int stopping(lua_State* lua) {
    (void)heed(lua, wishes[0]);
    for (int index = 1; index <= lua_gettop(lua); ++index) {
        const char* const name = luaL_checkstring(lua, index);
        Wish* found = nullptr;
        for (Wish& wish : wishes)
            if (std::strcmp(wish.name, name) == 0) found = &wish;
        luaL_argcheck(lua, found != nullptr, index, "'TERM', 'INT', 'HUP', 'USR1' or 'USR2'");
        (void)heed(lua, *found);
    }
    for (const Wish& wish : wishes)
        if (wish.number == received.load()) {
            lua_pushstring(lua, wish.name);
            return 1;
        }
    lua_pushboolean(lua, 0);
    return 1;
}

}  // namespace

void register_stopping(lua_State* lua, int ipc) {
    lua_pushcfunction(lua, stopping);
    lua_setfield(lua, ipc, "stopping");
}

}  // namespace ipcrun::lua
