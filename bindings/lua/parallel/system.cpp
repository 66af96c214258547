// SPDX-License-Identifier: Apache-2.0
// What Lua's own libraries lack: time, sleep, names and addresses of this host, programs.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/parallel/link.hpp"
#include "bindings/lua/parallel/programs.hpp"
#include "bindings/lua/torch/split.hpp"

namespace ipcrun::lua {

namespace {

// clock(): seconds on the monotonic clock.
int clock(lua_State* lua) {
    lua_pushnumber(lua, Seconds(Clock::now().time_since_epoch()).count());
    return 1;
}

// sleep(seconds): to the end, whatever signals come.
int sleep(lua_State* lua) {
    const lua_Number seconds = luaL_checknumber(lua, 1);
    luaL_argcheck(lua, seconds >= 0 && seconds < 1e9, 1, "a number of seconds, 0 or more");
    timespec left{};
    left.tv_sec = static_cast<time_t>(seconds);
    left.tv_nsec = static_cast<long>((seconds - static_cast<lua_Number>(left.tv_sec)) * 1e9);
    while (::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
    return 0;
}

int host_name(lua_State* lua) {
    char name[HOST_NAME_MAX + 1] = "";
    if (::gethostname(name, sizeof name - 1) != 0) std::strcpy(name, "localhost");
    lua_pushstring(lua, name);
    return 1;
}

// The address of an interface that is up; of any but the loopback when `name` is null.
bool find_address(const ifaddrs* all, const char* name, char (&text)[INET_ADDRSTRLEN]) {
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
        if ((one->ifa_flags & IFF_UP) == 0) continue;
        if (name == nullptr ? (one->ifa_flags & IFF_LOOPBACK) != 0
                            : std::strcmp(one->ifa_name, name) != 0)
            continue;
        sockaddr_in address{};
        std::memcpy(&address, one->ifa_addr, sizeof address);
        return ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text) != nullptr;
    }
    return false;
}

// address([interface]): IPv4, as text; nil when there is none.
int address(lua_State* lua) {
    const char* name = luaL_optstring(lua, 1, nullptr);
    char text[INET_ADDRSTRLEN] = "";
    ifaddrs* all = nullptr;
    bool found = false;
    if (::getifaddrs(&all) == 0) {
        found = find_address(all, name, text);
        ::freeifaddrs(all);
    }
    if (found)
        lua_pushstring(lua, text);
    else
        lua_pushnil(lua);
    return 1;
}

// Pushes the path that `find` gives, or nil for an empty one.
template <typename Find>
int push_path(lua_State* lua, Find find) {
    char path[PATH_MAX] = "";
    const Failure failure = attempt([&] {
        const std::string found = find();
        if (found.size() >= sizeof path)
            throw Error(ErrorCode::config, "find a program: its path is too long");
        std::memcpy(path, found.c_str(), found.size() + 1);
    });
    if (failure) raise_table(lua, failure);
    if (path[0] == '\0')
        lua_pushnil(lua);
    else
        lua_pushstring(lua, path);
    return 1;
}

// system_name(): of the kernel, as uname(1) prints it.
int system_name(lua_State* lua) {
    utsname names{};
    lua_pushstring(lua, ::uname(&names) == 0 ? names.sysname : "");
    return 1;
}

// find_program("agent", "interpreter", "launcher" or "relay"): its path.
int find_program(lua_State* lua) {
    static const char* const names[] = {"agent", "interpreter", "launcher", "relay", nullptr};
    static const ProgramPlaces* const places[] = {&agent_places, &interpreter_places,
                                                  &launcher_places, &relay_places};
    const int which = luaL_checkoption(lua, 1, nullptr, names);
    return push_path(lua, [&] { return ipcrun::lua::find_program(*places[which]); });
}

// module_folder(): the folder of ipc.so; nil where there is none.
int module_folder(lua_State* lua) {
    return push_path(lua, find_module_folder);
}

}  // namespace

const luaL_Reg system_functions[] = {{"address", address},
                                     {"clock", clock},
                                     {"find_program", find_program},
                                     {"host_name", host_name},
                                     {"module_folder", module_folder},
                                     {"sleep", sleep},
                                     {"split", split},
                                     {"system_name", system_name},
                                     {nullptr, nullptr}};

}  // namespace ipcrun::lua
