// SPDX-License-Identifier: Apache-2.0
// The connections over which a tree is set up: messages of values, with a tag of their own.
#include <array>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "bindings/lua/connection/client.hpp"
#include "bindings/lua/connection/server.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/threads/seconds.hpp"
#include "bindings/lua/trees/end.hpp"
#include "bindings/lua/trees/functions.hpp"
#include "runtime/connection/shared_group.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* end_type = "ipcrun.tree end";
constexpr int setup_tag = 1;

TreeEnd& push_end(lua_State* lua) {
    if (luaL_newmetatable(lua, end_type) != 0) {
        lua_pushcfunction(lua, collect<TreeEnd>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<TreeEnd>(lua, end_type);
}

// hold(client): the tree's end of the client's connection
int hold(lua_State* lua) {
    TreeEnd& end = push_end(lua);
    Endpoint& endpoint = check_endpoint(lua, 1);
    Household& household = *context(lua).household;
    if (const Failure failure = attempt([&] { end.connection = endpoint.lend(household); }))
        raise_table(lua, failure);
    return 1;
}

// is_server(value)
int is_server(lua_State* lua) {
    lua_pushboolean(lua, luaL_testudata(lua, 1, server_type) != nullptr);
    return 1;
}

// is_client(value)
int is_client(lua_State* lua) {
    lua_pushboolean(lua, luaL_testudata(lua, 1, client_type) != nullptr);
    return 1;
}

ServerObject& check_server(lua_State* lua) {
    return check_handle<ServerObject>(lua, 1, server_type);
}

// In a userdata, so that Lua frees them.
Endpoints& push_endpoints(lua_State* lua) {
    constexpr const char* type_name = "ipcrun.tree endpoints";
    if (luaL_newmetatable(lua, type_name) != 0) {
        lua_pushcfunction(lua, collect<Endpoints>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Endpoints>(lua, type_name);
}

// hold_clients(server): those of all its clients, and what names each one, in two lists
int hold_clients(lua_State* lua) {
    Endpoints& clients = push_endpoints(lua);
    ServerObject& server = check_server(lua);
    const Failure failure = attempt([&] { clients = server.clients(); });
    if (failure) raise_table(lua, failure);
    Household& household = *context(lua).household;
    const auto count = static_cast<int>(clients.size());
    lua_createtable(lua, count, 0);
    lua_createtable(lua, count, 0);
    const int ends = lua_gettop(lua) - 1;
    lua_Integer held = 0;
    for (const auto& client : clients) {
        TreeEnd& end = push_end(lua);
        // Who has been closed meanwhile, by a finaliser, is not there any more.
        if (attempt([&] { end.connection = client->lend(household); })) {
            lua_pop(lua, 1);
            continue;
        }
        lua_rawseti(lua, ends, ++held);
        lua_pushinteger(lua, static_cast<lua_Integer>(client->number()));
        lua_rawseti(lua, ends + 1, held);
    }
    lua_settop(lua, ends + 1);
    return 2;
}

// wait_for(server, count, seconds): are so many there? If not, who is, and who was refused
int wait_for(lua_State* lua) {
    const lua_Integer count = luaL_checkinteger(lua, 2);
    const Deadline deadline = check_seconds(lua, 3);
    ServerObject& server = check_server(lua);
    const Failure failure =
        attempt([&] { server.wait_for(static_cast<std::size_t>(count), deadline); });
    if (failure && failure.code != ErrorCode::timeout) raise_table(lua, failure);
    lua_pushboolean(lua, !failure);
    lua_pushstring(lua, failure.message);
    return 2;
}

// check_sendable(value): raises where it is none of what tell() and trees can send
int check_sendable(lua_State* lua) {
    marshal(lua, 1, push_outgoing(lua), "Tree");
    return 0;
}

// tell(end, value, seconds)
int tell(lua_State* lua) {
    const Deadline deadline = check_seconds(lua, 3);
    Outgoing& outgoing = push_outgoing(lua);
    marshal(lua, 2, outgoing, "Tree");
    Connection& connection = check_end(lua, 1);
    const Failure failure = attempt([&] {
        outgoing.pack();
        connection.send({}, outgoing.parts(), setup_tag, deadline);
    });
    if (failure) raise_table(lua, failure);
    return 0;
}

// hear(end, seconds): the value
int hear(lua_State* lua) {
    const Deadline deadline = check_seconds(lua, 2);
    Incoming& incoming = push_incoming(lua);
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    Connection& connection = check_end(lua, 1);
    const Failure failure = attempt([&] {
        const Message message = connection.receive(setup_tag, deadline);
        incoming.open(message.storage, 0, message.envelope.bytes, heap);
    });
    if (failure) raise_table(lua, failure);
    unmarshal(lua, incoming, "Tree", Functions::refused);
    return 1;
}

// A row of connections, in a userdata, so that Lua frees it.
using Row = std::vector<Connection*>;

Row& push_row(lua_State* lua) {
    constexpr const char* type_name = "ipcrun.tree row";
    if (luaL_newmetatable(lua, type_name) != 0) {
        lua_pushcfunction(lua, collect<Row>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Row>(lua, type_name);
}

// wait_any(ends, seconds): which one of the list has said something, or is lost; nil: none
int wait_any_end(lua_State* lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    const Deadline deadline = check_seconds(lua, 2);
    Row& row = push_row(lua);
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 1, i);
        Connection& connection = check_end(lua, -1);
        lua_pop(lua, 1);  // the list holds it
        if (attempt([&] { row.push_back(&connection); })) luaL_error(lua, "not enough memory");
    }
    lua_Integer index = 0;
    const Failure failure = attempt([&] {
        if (const auto found = wait_any(row, setup_tag, 0, deadline))
            index = static_cast<lua_Integer>(*found) + 1;
    });
    if (failure) raise_table(lua, failure);
    if (index == 0)
        lua_pushnil(lua);
    else
        lua_pushinteger(lua, index);
    return 1;
}

// What is known of a connection, for people; cut off where it is long.
struct Description {
    char peer[256] = "", host[256] = "", reason[512] = "", kind[16] = "";
    bool is_shareable = false;
    ConnectionStatistics statistics;
};
static_assert(std::is_trivially_destructible_v<Description>);

// describe_end(end): {peer =, host =, kind =, reason =, shareable =, sent =, received =}
int describe_end(lua_State* lua) {
    Description description;
    Connection& connection = check_end(lua, 1);
    const Failure failure = attempt([&] {
        const auto copy = [](auto& to, const std::string& text) {
            (void)std::snprintf(to, sizeof to, "%s", text.c_str());  // cut off: for people
        };
        copy(description.peer, connection.peer());
        copy(description.host, connection.peer_host());
        copy(description.reason, connection.link_reason());
        copy(description.kind, std::string(name_of(connection.link())));
        description.is_shareable = SharedGroup::is_possible(connection);
        description.statistics = connection.statistics();
    });
    if (failure) raise_table(lua, failure);
    lua_createtable(lua, 0, 7);
    const auto text = [lua](const char* name, const char* value) {
        lua_pushstring(lua, value);
        lua_setfield(lua, -2, name);
    };
    text("peer", description.peer);
    text("host", description.host);
    text("reason", description.reason);
    text("kind", description.kind);
    lua_pushboolean(lua, description.is_shareable);
    lua_setfield(lua, -2, "shareable");
    lua_pushinteger(lua, static_cast<lua_Integer>(description.statistics.sent.bytes));
    lua_setfield(lua, -2, "sent");
    lua_pushinteger(lua, static_cast<lua_Integer>(description.statistics.received.bytes));
    lua_setfield(lua, -2, "received");
    return 1;
}

// random_text(): 32 random characters
int random_text(lua_State* lua) {
    std::array<char, 33> text = {};
    const Failure failure = attempt([&] {
        std::random_device device;
        for (std::size_t i = 0; i < 4; ++i)
            (void)std::snprintf(text.data() + 8 * i, 9, "%08x", device());  // fits
    });
    if (failure) raise_table(lua, failure);
    lua_pushstring(lua, text.data());
    return 1;
}

}  // namespace

TreeEnd* test_end(lua_State* lua, int index) {
    return static_cast<TreeEnd*>(luaL_testudata(lua, index, end_type));
}

const std::shared_ptr<Connection>& check_shared_end(lua_State* lua, int index) {
    const TreeEnd& end = check_userdata<TreeEnd>(lua, index, end_type);
    if (end.connection == nullptr) luaL_error(lua, "the tree is closed, as this Lua state is");
    return end.connection;
}

Connection& check_end(lua_State* lua, int index) {
    return *check_shared_end(lua, index);
}

const luaL_Reg connection_functions[] = {{"hold", hold},
                                         {"is_server", is_server},
                                         {"is_client", is_client},
                                         {"hold_clients", hold_clients},
                                         {"wait_for", wait_for},
                                         {"check_sendable", check_sendable},
                                         {"tell", tell},
                                         {"hear", hear},
                                         {"wait_any", wait_any_end},
                                         {"describe_end", describe_end},
                                         {"random_text", random_text},
                                         {nullptr, nullptr}};

}  // namespace ipcrun::lua
