// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/rendezvous.hpp"

#include <poll.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <variant>

#include "base/reachable_address.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/seconds.hpp"
#include "bindings/lua/trees/functions.hpp"
#include "runtime/connection/shared_rendezvous.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* rendezvous_type = "ipcrun.rendezvous";
using Published = std::variant<std::monostate, Rendezvous, SharedRendezvous>;

// publish(name, host, port, nonce[, folder]): to be withdrawn, which its end does, too. `folder`:
// one that hosts share; without it, that of this host
int publish(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    const char* host = luaL_checkstring(lua, 2);
    const lua_Integer port = luaL_checkinteger(lua, 3);
    luaL_argcheck(lua, port > 0 && port <= USHRT_MAX, 3, "no port");
    const char* nonce = luaL_checkstring(lua, 4);
    const char* folder = luaL_optstring(lua, 5, nullptr);
    if (luaL_newmetatable(lua, rendezvous_type) != 0) {
        lua_pushcfunction(lua, collect<Published>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    auto& published = create_userdata<Published>(lua, rendezvous_type);
    const Failure failure = attempt([&] {
        const MeetingPlace place{{.host = host, .port = static_cast<std::uint16_t>(port)}, nonce};
        if (folder != nullptr)
            published.emplace<SharedRendezvous>(SharedRendezvous::publish(folder, name, place));
        else
            published.emplace<Rendezvous>(Rendezvous::publish(name, place));
    });
    if (failure) raise_table(lua, failure);
    return 1;
}

// withdraw(published)
int withdraw(lua_State* lua) {
    check_userdata<Published>(lua, 1, rendezvous_type).emplace<std::monostate>();
    return 0;
}

// forget(name, nonce, folder): takes away what another node has published, which has failed
int forget(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    const char* nonce = luaL_checkstring(lua, 2);
    const char* folder = luaL_checkstring(lua, 3);
    const Failure failure = attempt([&] { SharedRendezvous::remove(folder, name, nonce); });
    if (failure) raise_table(lua, failure);
    return 0;
}

// find(name, seconds[, folder]): host, port, nonce; nil when the time is over
int find(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    const Deadline deadline = check_seconds(lua, 2);
    const char* folder = luaL_optstring(lua, 3, nullptr);
    char host[257] = "";
    char nonce[65] = "";
    std::uint16_t port = 0;
    const Failure failure = attempt([&] {
        const auto place = folder != nullptr ? SharedRendezvous::wait(folder, name, deadline)
                                             : Rendezvous::wait(name, deadline);
        if (!place) return;
        // Both fit: longer ones are not read.
        (void)std::snprintf(host, sizeof host, "%s", place->address.host.c_str());
        (void)std::snprintf(nonce, sizeof nonce, "%s", place->nonce.c_str());
        port = place->address.port;
    });
    if (failure) raise_table(lua, failure);
    if (port == 0) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushstring(lua, host);
    lua_pushinteger(lua, port);
    lua_pushstring(lua, nonce);
    return 3;
}

// reachable_address(towards): where other hosts reach this one
int own_address(lua_State* lua) {
    const char* towards = luaL_checkstring(lua, 1);
    char address[257] = "";
    const Failure failure = attempt([&] {
        (void)std::snprintf(address, sizeof address, "%s", reachable_address(towards).c_str());
    });
    if (failure) raise_table(lua, failure);
    lua_pushstring(lua, address);
    return 1;
}

// parent_pid(): that of the process that started this one
int parent_pid(lua_State* lua) {
    lua_pushinteger(lua, ::getppid());
    return 1;
}

// pause(seconds): between two questions to somebody who cannot be waited for
int pause(lua_State* lua) {
    const Deadline deadline = check_seconds(lua, 1);
    while (!deadline.has_passed()) (void)::poll(nullptr, 0, deadline.remaining_ms());  // a signal
    return 0;
}

}  // namespace

const luaL_Reg rendezvous_functions[] = {{"publish", publish},
                                         {"withdraw", withdraw},
                                         {"forget", forget},
                                         {"find", find},
                                         {"reachable_address", own_address},
                                         {"parent_pid", parent_pid},
                                         {"pause", pause},
                                         {nullptr, nullptr}};

}  // namespace ipcrun::lua
