// SPDX-License-Identifier: Apache-2.0
// ipc.server and its methods.
#include "bindings/lua/connection/server.hpp"

#include <algorithm>

#include "bindings/lua/connection/clients.hpp"
#include "bindings/lua/connection/exchange.hpp"
#include "bindings/lua/connection/options.hpp"
#include "bindings/lua/connection/statistics.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

namespace {

// As torch-ipc had it.
constexpr Seconds clients_time{300};

ServerObject& check_server(lua_State* lua) {
    return check_handle<ServerObject>(lua, 1, server_type);
}

// A tag that stands among the arguments: a string, or nothing.
struct TagArgument {
    const char* text = nullptr;
    std::size_t length = 0;
    TagArgument(lua_State* lua, int index) {
        if (!lua_isnoneornil(lua, index)) text = luaL_checklstring(lua, index, &length);
    }
    std::optional<std::string> get() const {
        return text == nullptr ? std::nullopt : std::optional(std::string(text, length));
    }
};

// ---- clients

// clients(count, function[, options])
int wait_for_clients(lua_State* lua) {
    const lua_Integer count = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, count >= 0, 2, "a number of clients, 0 or more");
    luaL_checktype(lua, 3, LUA_TFUNCTION);
    const Deadline deadline = check_timeout_option(lua, 4, Deadline::after(clients_time));
    ClientRow& row = push_client_row(lua);
    ServerObject& server = check_server(lua);
    const Failure failure = attempt([&] {
        server.wait_for(static_cast<std::size_t>(count), deadline);
        row.clients = server.clients();
    });
    if (failure) raise_table(lua, failure);
    lua_pushinteger(lua, call_for_each(lua, -1, 3));
    return 1;
}

// server:clients(count, function[, options]) or (function[, tag][, is_inverted])
int clients(lua_State* lua) {
    ServerObject& server = check_server(lua);
    server.calls()->fetch_add(1);
    if (!lua_isfunction(lua, 2)) return wait_for_clients(lua);
    const TagArgument tag(lua, 3);
    // Numbers, too: torch-ipc had 1 for it, and 0 is no reason to invert.
    const bool is_inverted = lua_toboolean(lua, 4) != 0 &&
                             !(lua_type(lua, 4) == LUA_TNUMBER && lua_tonumber(lua, 4) == 0);
    lua_settop(lua, 4);
    ClientRow& row = push_client_row(lua);
    const Failure failure = attempt([&] {
        server.check_open("clients");
        row.clients = server.clients(tag.get());
        if (is_inverted) std::reverse(row.clients.begin(), row.clients.end());
    });
    if (failure) raise_table(lua, failure);
    lua_pushinteger(lua, call_for_each(lua, 5, 2));
    return 1;
}

// ---- messages

// Sends to all that have not gone; who goes meanwhile does not keep the others from it.
std::size_t send_to_all(ServerObject& server, const TagArgument& tag, const Sendable& sendable,
                        Deadline deadline) {
    server.check_open("broadcast");
    Endpoints row = server.clients(tag.get());
    std::erase_if(row, [](const auto& endpoint) { return endpoint->has_peer_gone(); });
    std::size_t failures = 0;
    std::optional<Error> first;
    for (const auto& endpoint : row) {
        try {
            endpoint->send("broadcast", sendable.note, sendable.parts, deadline);
        } catch (const Error& error) {
            if (endpoint->is_closed()) continue;
            ++failures;
            if (!first) first = error;
        }
    }
    if (failures == 1) throw *first;
    if (first)
        throw Error(first->code, fmt::format("{} (and {} more of {} clients)", first->what(),
                                             failures - 1, row.size()));
    return row.size();
}

// server:broadcast(value[, tag][, options])
int broadcast(lua_State* lua) {
    ServerObject& server = check_server(lua);
    luaL_checkany(lua, 2);
    const int options = lua_istable(lua, 3) ? 3 : 4;
    const TagArgument tag(lua, options == 3 ? 5 : 3);
    const Deadline deadline = check_timeout_option(lua, options);
    lua_settop(lua, 4);
    std::size_t count = 0;
    send_value(lua, 2, "broadcast", [&](const Sendable& sendable) {
        count = send_to_all(server, tag, sendable, deadline);
    });
    lua_pushinteger(lua, static_cast<lua_Integer>(count));
    return 1;
}

// Fills in a client that is good until the next such call.
void fill(ServerClient& client, const ServerObject& server, std::shared_ptr<Endpoint> endpoint) {
    client.calls = server.calls();
    client.call = server.calls()->load();
    client.endpoint = std::move(endpoint);
}

// server:recvAny([tag][, options]): the message, and whose it is.
int recv_any(lua_State* lua) {
    ServerObject& server = check_server(lua);
    const int options = lua_istable(lua, 2) ? 2 : 3;
    const TagArgument tag(lua, options == 2 ? 4 : 2);
    const Deadline deadline = check_timeout_option(lua, options);
    lua_settop(lua, 3);
    server.calls()->fetch_add(1);
    ServerClient& client = push_server_client(lua);
    const int client_index = lua_gettop(lua);
    const Failure failure = attempt([&] {
        const Endpoints ready = server.wait_message("recvAny", tag.get(), false, deadline);
        if (ready.empty())
            fail(ErrorCode::timeout, "recvAny: {}", server.describe_silence(tag.get()));
        fill(client, server, ready.front());
    });
    if (failure) raise_table(lua, failure);
    receive_value(lua, client_index, "recvAny", deadline);
    lua_pushvalue(lua, client_index);
    return 2;
}

// server:poll([timeout][, tag])
int poll(lua_State* lua) {
    ServerObject& server = check_server(lua);
    const bool has_time = lua_type(lua, 2) == LUA_TNUMBER;
    if (has_time && !(lua_tonumber(lua, 2) >= 0))
        luaL_argerror(lua, 2, "the timeout must be a number of seconds, 0 or more");
    const Deadline deadline =
        has_time ? Deadline::after(Seconds(lua_tonumber(lua, 2))) : Deadline::never();
    const TagArgument tag(lua, has_time || lua_isnil(lua, 2) ? 3 : 2);
    lua_settop(lua, 3);
    server.calls()->fetch_add(1);
    ClientRow& row = push_client_row(lua);
    const Failure failure =
        attempt([&] { row.clients = server.wait_message("poll", tag.get(), true, deadline); });
    if (failure) raise_table(lua, failure);
    lua_createtable(lua, static_cast<int>(row.clients.size()), 0);
    for (std::size_t i = 0; i < row.clients.size(); ++i) {
        fill(push_server_client(lua), server, row.clients[i]);
        lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
    }
    return 1;
}

// ---- the server itself

int close(lua_State* lua) {
    check_server(lua).close();
    return 0;
}

// What ipc.client wants to come here.
int push_place(lua_State* lua, const Address& address) {
    if (!address.is_unix()) {
        lua_pushlstring(lua, address.host.data(), address.host.size());
        lua_pushinteger(lua, address.port);
        return 2;
    }
    lua_pushfstring(lua, "unix:%s", address.path.c_str());
    return 1;
}

int address(lua_State* lua) {
    return push_place(lua, check_server(lua).address());
}

int net_stats(lua_State* lua) {
    ServerObject& server = check_server(lua);
    ConnectionStatistics statistics;
    const Failure failure = attempt([&] {
        server.check_ours("netStats");
        statistics = server.statistics();
    });
    if (failure) raise_table(lua, failure);
    push_statistics(lua, statistics);
    return 1;
}

int to_text(lua_State* lua) {
    ServerObject& server = check_server(lua);
    if (server.is_closed()) {
        lua_pushliteral(lua, "ipc.server (closed)");
        return 1;
    }
    std::size_t count = 0;
    if (const Failure failure = attempt([&] { count = server.clients().size(); }))
        raise_table(lua, failure);
    const int pushed = push_place(lua, server.address());
    const char* host = lua_tostring(lua, -pushed);
    const char* port = pushed == 2 ? lua_tostring(lua, -1) : "";
    lua_pushfstring(lua, "ipc.server (%s%s%s, %d client%s)", host, pushed == 2 ? ":" : "", port,
                    static_cast<int>(count), count == 1 ? "" : "s");
    return 1;
}

constexpr luaL_Reg methods[] = {
    {"clients", clients}, {"broadcast", broadcast}, {"recvAny", recv_any},   {"poll", poll},
    {"close", close},     {"address", address},     {"netStats", net_stats}, {nullptr, nullptr}};
constexpr luaL_Reg metamethods[] = {
    {"__tostring", to_text}, {"__close", close}, {nullptr, nullptr}};

// ipc.server([host[, port]][, options])
int create(lua_State* lua) {
    const int count = lua_gettop(lua);
    (void)check_connection_wish(lua, Side::server, count);
    Context& shared = context(lua);
    HandleObject& handle = push_new_handle(lua, server_type);
    const ConnectionWish wish = check_connection_wish(lua, Side::server, count);
    const auto make = [&] {
        Household& household = household_of(shared, "ipc.server");
        auto server = std::make_shared<ServerObject>(
            std::make_unique<Server>(address_of(wish, Side::server), key_of(wish, household),
                                     wish.encrypts, wish.choice, household.neighbourhood()));
        household.end_with_program(server);
        handle.holder = Holder(std::move(server));
    };
    if (const Failure failure = attempt_with_collector(lua, make)) raise_table(lua, failure);
    intern_handle(lua);
    const Address& place = static_cast<ServerObject&>(*handle.holder.get()).address();
    if (place.is_unix()) return 1;
    lua_pushinteger(lua, place.port);
    return 2;
}

}  // namespace

void register_server(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_errors(lua);
    register_marshal(lua);
    register_handle_type(lua, server_type, methods, metamethods);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "server");
}

}  // namespace ipcrun::lua
