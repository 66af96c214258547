// SPDX-License-Identifier: Apache-2.0
// ipc.client, and what clients tell of themselves.
#include "bindings/lua/connection/client.hpp"

#include <cstring>

#include "bindings/lua/connection/options.hpp"
#include "bindings/lua/connection/statistics.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* server_client_type = "ipc.server.client";
// Of a tag; and of what is cut there: reasons and names of peers.
constexpr std::size_t text_max = 1024;
// As torch-ipc had it.
constexpr Seconds connect_time{300};

Endpoint* test_endpoint(lua_State* lua, int index) {
    if (const auto* handle = static_cast<HandleObject*>(luaL_testudata(lua, index, client_type)))
        return handle->holder ? static_cast<ClientObject&>(*handle->holder.get()).endpoint().get()
                              : nullptr;
    const auto& client = check_userdata<ServerClient>(lua, index, server_client_type);
    const bool is_good = client.calls == nullptr || client.calls->load() == client.call;
    return is_good ? client.endpoint.get() : nullptr;
}

// Copies a text out of an object of C++, on whose memory Lua's errors must not jump.
template <typename Get>
int push_text(lua_State* lua, Get get) {
    luaL_Buffer buffer;
    char* const memory = luaL_buffinitsize(lua, &buffer, text_max);
    std::size_t length = 0;
    const Failure failure = attempt([&] {
        const std::string text = get();
        length = std::min(text.size(), text_max);
        std::memcpy(memory, text.data(), length);
    });
    if (failure) raise_table(lua, failure);
    luaL_pushresultsize(&buffer, length);
    return 1;
}

// client:tag([text]): nil as long as there is none.
int tag(lua_State* lua) {
    Endpoint& endpoint = check_endpoint(lua, 1);
    if (lua_isnoneornil(lua, 2)) {
        bool has_tag = false;
        push_text(lua, [&] {
            const auto text = endpoint.tag();
            has_tag = text.has_value();
            return text.value_or(std::string());
        });
        if (!has_tag) lua_pushnil(lua);
        return 1;
    }
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 2, &length);
    luaL_argcheck(lua, length <= text_max, 2, "a tag has 1024 bytes at most");
    if (const Failure failure = attempt([&] { endpoint.set_tag({text, length}); }))
        raise_table(lua, failure);
    return 0;
}

// client:id([integer])
int id(lua_State* lua) {
    Endpoint& endpoint = check_endpoint(lua, 1);
    if (lua_isnoneornil(lua, 2)) {
        lua_pushinteger(lua, endpoint.id());
        return 1;
    }
    endpoint.set_id(luaL_checkinteger(lua, 2));
    return 0;
}

int close(lua_State* lua) {
    check_endpoint(lua, 1).close();
    return 0;
}

// Of a local variable: a server's client may be none any more.
int close_variable(lua_State* lua) {
    if (Endpoint* const endpoint = test_endpoint(lua, 1)) endpoint->close();
    return 0;
}

int address(lua_State* lua) {
    const Connection& connection = check_endpoint(lua, 1).connection();
    return push_text(lua, [&] { return connection.peer_host(); });
}

int peer(lua_State* lua) {
    const Connection& connection = check_endpoint(lua, 1).connection();
    return push_text(lua, [&] { return connection.peer(); });
}

// client:link(): its name, and why it is this one.
int link(lua_State* lua) {
    const Connection& connection = check_endpoint(lua, 1).connection();
    const std::string_view name = name_of(connection.link());
    lua_pushlstring(lua, name.data(), name.size());
    return 1 + push_text(lua, [&] { return connection.link_reason(); });
}

int net_stats(lua_State* lua) {
    const Connection& connection = check_endpoint(lua, 1).connection();
    ConnectionStatistics statistics;
    const Failure failure = attempt([&] { statistics = connection.statistics(); });
    if (failure) raise_table(lua, failure);
    push_statistics(lua, statistics);
    link(lua);
    lua_setfield(lua, -3, "reason");
    lua_setfield(lua, -2, "link");
    return 1;
}

int to_text(lua_State* lua) {
    const Endpoint* const endpoint = test_endpoint(lua, 1);
    if (endpoint == nullptr || endpoint->is_closed()) {
        lua_pushliteral(lua, "ipc.client (closed)");
        return 1;
    }
    const std::string_view name = name_of(endpoint->connection().link());
    push_text(lua, [&] { return endpoint->connection().peer(); });
    lua_pushfstring(lua, "ipc.client (%s, by %s)", lua_tostring(lua, -1), name.data());
    return 1;
}

constexpr luaL_Reg metamethods[] = {
    {"__tostring", to_text}, {"__close", close_variable}, {nullptr, nullptr}};

// ipc.client([host, ]port[, options])
int create(lua_State* lua) {
    const int count = lua_gettop(lua);
    (void)check_connection_wish(lua, Side::client, count);
    Context& shared = context(lua);
    HandleObject& handle = push_new_handle(lua, client_type);
    const ConnectionWish wish = check_connection_wish(lua, Side::client, count);
    const auto deadline = Deadline::after(wish.timeout < 0 ? connect_time : Seconds(wish.timeout));
    const auto make = [&] {
        Household& household = household_of(shared, "ipc.client");
        auto endpoint = std::make_shared<Endpoint>(
            Connection::connect(address_of(wish, Side::client), key_of(wish, household),
                                wish.encrypts, wish.choice, household.neighbourhood(), deadline));
        household.end_with_program(endpoint);
        handle.holder = Holder(std::make_shared<ClientObject>(std::move(endpoint)));
    };
    if (const Failure failure = attempt_with_collector(lua, make)) raise_table(lua, failure);
    intern_handle(lua);
    return 1;
}

// May raise.
void register_server_clients(lua_State* lua) {
    if (luaL_newmetatable(lua, server_client_type) != 0) {
        lua_pushcfunction(lua, collect<ServerClient>);
        lua_setfield(lua, -2, "__gc");
        lua_newtable(lua);
        luaL_setfuncs(lua, client_methods, 0);
        luaL_setfuncs(lua, exchange_methods_of_clients, 0);
        lua_setfield(lua, -2, "__index");
        luaL_setfuncs(lua, metamethods, 0);
    }
    lua_pop(lua, 1);
}

}  // namespace

const luaL_Reg client_methods[] = {
    {"tag", tag},   {"id", id},     {"close", close},        {"address", address},
    {"peer", peer}, {"link", link}, {"netStats", net_stats}, {nullptr, nullptr}};

ServerClient& push_server_client(lua_State* lua) {
    return create_userdata<ServerClient>(lua, server_client_type);
}

Endpoint& check_endpoint(lua_State* lua, int index) {
    Endpoint* const endpoint = test_endpoint(lua, index);
    if (endpoint == nullptr)
        luaL_error(lua, luaL_testudata(lua, index, client_type) != nullptr
                            ? "client is not open"
                            : "server client is invalid, either closed or used outside of server "
                              "function scope");
    return *endpoint;
}

void register_client(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_errors(lua);
    register_marshal(lua);
    register_handle_type(lua, client_type, client_methods, metamethods);
    luaL_getmetatable(lua, client_type);
    lua_getfield(lua, -1, "__index");
    luaL_setfuncs(lua, exchange_methods_of_clients, 0);
    lua_pop(lua, 2);
    register_server_clients(lua);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "client");
}

}  // namespace ipcrun::lua
