// SPDX-License-Identifier: Apache-2.0
// ipc.flock: a file that one process or thread at a time has open. Reading and writing are those of
// Lua's io library, on a file of its kind.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/system/module.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* flock_name = "ipc.flock";

// What a userdata holds; its user value is the file of io that the descriptor went into, whose end
// unlocks.
struct LockedFile {
    UniqueFd fd;
    bool is_open = false;
};

// A lock has no event: a thread of ipc.map, which is to end with its program, looks again and
// again.
bool lock_by_looking(Context& thread, int fd) {
    Seconds pause{0.001};
    constexpr Seconds pause_max{0.02};
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return false;
        (void)wait_for(thread, {}, Deadline::after(pause), "ipc.flock", [] { return false; });
        pause = std::min(2 * pause, pause_max);
    }
    return true;
}

bool lock_blocking(int fd) {
    while (::flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) return false;
    return true;
}

UniqueFd open_and_wait(Context& thread, const char* path) {
    UniqueFd fd(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) fail_errno(errno, fmt::format("ipc.flock: open {}", path));
    const bool is_locked =
        thread.is_worker ? lock_by_looking(thread, fd.get()) : lock_blocking(fd.get());
    if (!is_locked) fail_errno(errno, fmt::format("ipc.flock: lock {}", path));
    return fd;
}

// None when the file is missing, is not ours to open, or is locked.
UniqueFd open_at_once(const char* path) {
    UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
    if (!fd && (errno == ENOENT || errno == EACCES)) return fd;
    if (!fd) fail_errno(errno, fmt::format("ipc.flock: open {}", path));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK) fail_errno(errno, fmt::format("ipc.flock: lock {}", path));
    return {};
}

// A file of io, as its library knows them, and ours.
struct LockedStream {
    luaL_Stream stream;
    pid_t owner;
};

// Unlocks before it closes: a child that is about to execute its program still has the descriptor
// for a moment. Not in a child after fork(), where the lock is the parent's.
int close_stream(lua_State* lua) {
    const auto& locked = *static_cast<LockedStream*>(luaL_checkudata(lua, 1, LUA_FILEHANDLE));
    std::FILE* file = locked.stream.f;
    int failed_errno = std::fflush(file) == 0 ? 0 : errno;
    // Closing does what this could not.
    if (locked.owner == ::getpid()) (void)::flock(::fileno(file), LOCK_UN);
    if (std::fclose(file) != 0 && failed_errno == 0) failed_errno = errno;
    errno = failed_errno;
    return luaL_fileresult(lua, static_cast<int>(failed_errno == 0), nullptr);
}

// ipc.flock(path [, no_block])
int create(lua_State* lua) {
    const char* path = luaL_checkstring(lua, 1);
    const bool no_block = lua_toboolean(lua, 2) != 0;
    if (luaL_getmetatable(lua, LUA_FILEHANDLE) != LUA_TTABLE)
        luaL_error(lua, "ipc.flock: Lua's library io is not loaded");
    auto& file = *new (lua_newuserdatauv(lua, sizeof(LockedFile), 1)) LockedFile();
    luaL_setmetatable(lua, flock_name);
    auto& locked = *static_cast<LockedStream*>(lua_newuserdatauv(lua, sizeof(LockedStream), 0));
    locked.owner = ::getpid();
    luaL_Stream& stream = locked.stream;
    stream.closef = nullptr;  // closed, as yet
    luaL_setmetatable(lua, LUA_FILEHANDLE);
    Context& thread = context(lua);
    const Failure failure = attempt([&] {
        file.fd = no_block ? open_at_once(path) : open_and_wait(thread, path);
        if (!file.fd) return;
        stream.f = ::fdopen(file.fd.get(), "r+");
        if (stream.f == nullptr) fail_errno(errno, fmt::format("ipc.flock: open {}", path));
        (void)file.fd.release();
        stream.closef = close_stream;
        file.is_open = true;
    });
    if (failure) raise_string(lua, failure);
    if (!file.is_open) return 0;
    lua_setiuservalue(lua, -2, 1);
    return 1;
}

// Lua finalises its file first.
bool is_open(lua_State* lua, const LockedFile& file) {
    if (!file.is_open) return false;
    lua_getiuservalue(lua, 1, 1);
    const auto* stream = static_cast<luaL_Stream*>(lua_touserdata(lua, -1));
    lua_pop(lua, 1);
    return stream->closef != nullptr;
}

void check_open(lua_State* lua) {
    if (!is_open(lua, check_userdata<LockedFile>(lua, 1, flock_name)))
        luaL_error(lua, "flock was already closed");
}

// The file of io, on top of the stack.
std::FILE* push_file(lua_State* lua) {
    lua_getiuservalue(lua, 1, 1);
    return static_cast<luaL_Stream*>(lua_touserdata(lua, -1))->f;
}

// Calls the method of the file of io with the arguments from the second on; how many results.
int call_file(lua_State* lua, const char* method) {
    const int arguments = lua_gettop(lua) - 1;
    luaL_checkstack(lua, arguments + 5, method);
    push_file(lua);
    lua_getfield(lua, -1, method);
    lua_insert(lua, -2);
    for (int i = 0; i < arguments; ++i) lua_pushvalue(lua, 2 + i);
    lua_call(lua, arguments + 1, LUA_MULTRET);
    return lua_gettop(lua) - arguments - 1;
}

// C wants this between reading and writing.
void turn_around(lua_State* lua) {
    std::FILE* file = push_file(lua);
    lua_pop(lua, 1);
    const Failure failure = attempt([file] {
        check_syscall(std::fseek(file, 0, SEEK_CUR), "flock: keep the place in the file");
    });
    if (failure) raise_string(lua, failure);
}

// flock:read([formats …]): as files of io do; all that is left without a format.
int read(lua_State* lua) {
    check_open(lua);
    turn_around(lua);
    if (lua_gettop(lua) == 1) lua_pushliteral(lua, "a");
    return call_file(lua, "read");
}

// flock:write(texts …): the flock itself, or what files of io give when they cannot.
int write(lua_State* lua) {
    check_open(lua);
    turn_around(lua);
    const int results = call_file(lua, "write");
    if (lua_isnil(lua, -results)) return results;
    lua_pushvalue(lua, 1);
    return 1;
}

// flock:seek([whence [, offset]]): as files of io do.
int seek(lua_State* lua) {
    check_open(lua);
    return call_file(lua, "seek");
}

// flock:truncate([size]): 0 when left out. The place stays.
int truncate(lua_State* lua) {
    check_open(lua);
    const lua_Integer size = luaL_optinteger(lua, 2, 0);
    luaL_argcheck(lua, size >= 0, 2, "a number of bytes, 0 or more");
    std::FILE* file = push_file(lua);
    const Failure failure = attempt([file, size] {
        check_syscall(std::fflush(file), "flock:truncate: write what is buffered");
        check_syscall(::ftruncate(::fileno(file), size), "flock:truncate");
    });
    if (failure) raise_string(lua, failure);
    return 0;
}

// flock:close(): unlocks. Once more does nothing.
int close(lua_State* lua) {
    auto& file = check_userdata<LockedFile>(lua, 1, flock_name);
    if (!is_open(lua, file)) return 0;
    file.is_open = false;
    lua_settop(lua, 1);
    const int results = call_file(lua, "close");
    if (results >= 2 && lua_isnil(lua, -results))
        luaL_error(lua, "flock:close: %s", lua_tostring(lua, -results + 1));
    return 0;
}

constexpr luaL_Reg methods[] = {{"close", close},       {"read", read},   {"seek", seek},
                                {"truncate", truncate}, {"write", write}, {nullptr, nullptr}};
constexpr luaL_Reg metamethods[] = {
    {"__close", close}, {"__gc", collect<LockedFile>}, {nullptr, nullptr}};

}  // namespace

void register_flock(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    if (luaL_newmetatable(lua, flock_name) != 0) {
        luaL_setfuncs(lua, metamethods, 0);
        lua_newtable(lua);
        luaL_setfuncs(lua, methods, 0);
        lua_setfield(lua, -2, "__index");
    }
    lua_pop(lua, 1);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "flock");
}

}  // namespace ipcrun::lua
