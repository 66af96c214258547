// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/rendezvous.hpp"

#include <poll.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <optional>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/seconds.hpp"
#include "bindings/lua/trees/functions.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* rendezvous_type = "ipcrun.rendezvous";
using Published = std::optional<Rendezvous>;

// publish(name, host, port, nonce): to be withdrawn, which its end does, too
int publish(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    const char* host = luaL_checkstring(lua, 2);
    const lua_Integer port = luaL_checkinteger(lua, 3);
    luaL_argcheck(lua, port > 0 && port <= USHRT_MAX, 3, "no port");
    const char* nonce = luaL_checkstring(lua, 4);
    if (luaL_newmetatable(lua, rendezvous_type) != 0) {
        lua_pushcfunction(lua, collect<Published>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    auto& published = create_userdata<Published>(lua, rendezvous_type);
    const Failure failure = attempt([&] {
        published.emplace(Rendezvous::publish(
            name, {{.host = host, .port = static_cast<std::uint16_t>(port)}, nonce}));
    });
    if (failure) raise_table(lua, failure);
    return 1;
}

// withdraw(published)
int withdraw(lua_State* lua) {
    check_userdata<Published>(lua, 1, rendezvous_type).reset();
    return 0;
}

// find(name, seconds): host, port, nonce; nil when the time is over
int find(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    const Deadline deadline = check_seconds(lua, 2);
    char host[257] = "";
    char nonce[65] = "";
    std::uint16_t port = 0;
    const Failure failure = attempt([&] {
        const auto place = Rendezvous::wait(name, deadline);
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

const luaL_Reg rendezvous_functions[] = {{"publish", publish}, {"withdraw", withdraw},
                                         {"find", find},       {"parent_pid", parent_pid},
                                         {"pause", pause},     {nullptr, nullptr}};

}  // namespace ipcrun::lua
