// SPDX-License-Identifier: Apache-2.0
// Numbers of processes and threads, and fork, in torch-ipc's words.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/system/module.hpp"
#include "bindings/lua/system/poll.hpp"

namespace ipcrun::lua {

namespace {

int process_id(lua_State* lua) {
    lua_pushinteger(lua, ::getpid());
    return 1;
}

int parent_id(lua_State* lua) {
    lua_pushinteger(lua, ::getppid());
    return 1;
}

int thread_id(lua_State* lua) {
    lua_pushinteger(lua, ::gettid());
    return 1;
}

// ipc.fork(): in the child the other threads are gone, with what they have locked: not while there
// are some that this library has started.
int fork(lua_State* lua) {
    const Context& thread = context(lua);
    // Of a state that is being closed the threads have ended, or will never.
    if (thread.is_worker || (thread.household != nullptr && thread.household->threads() > 0))
        luaL_error(lua,
                   "ipc.fork: threads of ipc.map run, which the child would not have, and could "
                   "wait for without end: join them first, or start a program by ipc.spawn");
    // Else what waits in the buffers is written by both.
    (void)std::fflush(nullptr);  // nothing is lost when it cannot: it stays there
    const pid_t pid = ::fork();
    const int fork_errno = errno;
    const Failure failure = attempt([&] {
        if (pid < 0) fail_errno(fork_errno, "ipc.fork: make a process");
    });
    if (failure) raise_string(lua, failure);
    lua_pushinteger(lua, pid);
    return 1;
}

int await_end(const Context& thread, pid_t pid) {
    // Where there is none, waitpid says why.
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    int status = 0;
    // A child alone is waited for here, by a call that a thread can be called back from.
    pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == 0 && pidfd) {
        pollfd end{pidfd.get(), POLLIN, 0};
        wait_ready(thread, {&end, 1}, Deadline::never(), "ipc.waitpid");
    }
    while (ended == 0 || (ended < 0 && errno == EINTR)) ended = ::waitpid(pid, &status, 0);
    if (ended < 0) fail_errno(errno, fmt::format("ipc.waitpid: wait for process {}", pid));
    return status;
}

// ipc.waitpid(pid): the exit status; nothing of a process that a signal ended.
int wait_for_process(lua_State* lua) {
    const lua_Integer pid = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, pid > 0 && pid <= 0x7fffffff, 1, "the number of a process, 1 or more");
    const Context& thread = context(lua);
    int status = 0;
    const Failure failure = attempt([&] { status = await_end(thread, static_cast<pid_t>(pid)); });
    if (failure) raise_string(lua, failure);
    if (!WIFEXITED(status)) return 0;
    lua_pushinteger(lua, WEXITSTATUS(status));
    return 1;
}

// ipc.isOSX(): true on macOS, which this is not.
int is_osx(lua_State*) {
    return 0;
}

// ipc.isDevel(): does the environment ask for torch-ipc's mode for its own developers?
int is_devel(lua_State* lua) {
    const std::string mode = environment_variable("CKOIA_DEVEL_MODE").value_or("");
    lua_pushboolean(lua, static_cast<int>(mode.starts_with('1')));
    return 1;
}

constexpr luaL_Reg functions[] = {{"fork", fork},
                                  {"getpid", process_id},
                                  {"getppid", parent_id},
                                  {"gettid", thread_id},
                                  {"isDevel", is_devel},
                                  {"isOSX", is_osx},
                                  {"waitpid", wait_for_process},
                                  {nullptr, nullptr}};

}  // namespace

void register_processes(lua_State* lua, int ipc) {
    lua_pushvalue(lua, ipc);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
