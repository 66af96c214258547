// SPDX-License-Identifier: Apache-2.0
// torch.tic and torch.toc, and what torch.Timer measures; torch.setnumthreads and
// torch.getnumthreads.
#include "bindings/lua/torch/clocks.hpp"

#include <sys/resource.h>
#include <time.h>

#include <climits>

#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

double seconds_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail: the clock is there, and so is `now`
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

double seconds_of(const timeval& time) {
    return double(time.tv_sec) + 1e-6 * double(time.tv_usec);
}

/// torch.tic() -> now, for toc
int tic(lua_State* lua) {
    lua_pushnumber(lua, seconds_now());
    return 1;
}

/// torch.toc(tic) -> the seconds since then
int toc(lua_State* lua) {
    lua_pushnumber(lua, seconds_now() - luaL_checknumber(lua, 1));
    return 1;
}

/// torch.setnumthreads(n): the threads of matrix products; all else runs in the caller's thread.
int set_thread_count(lua_State* lua) {
    const lua_Integer count = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, count >= 1 && count <= INT_MAX, 1, "a number of threads, 1 or more");
    context(lua).blas.use_threads(int(count));
    return 0;
}

/// torch.getnumthreads() -> how many
int get_thread_count(lua_State* lua) {
    lua_pushinteger(lua, context(lua).blas.thread_count());
    return 1;
}

}  // namespace

int measure_time(lua_State* lua) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    lua_pushnumber(lua, seconds_now());
    lua_pushnumber(lua, seconds_of(used.ru_utime));
    lua_pushnumber(lua, seconds_of(used.ru_stime));
    return 3;
}

void register_clocks(lua_State* lua, int torch) {
    static const luaL_Reg functions[] = {{"tic", tic},
                                         {"toc", toc},
                                         {"setnumthreads", set_thread_count},
                                         {"getnumthreads", get_thread_count},
                                         {nullptr, nullptr}};
    lua_pushvalue(lua, torch);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
