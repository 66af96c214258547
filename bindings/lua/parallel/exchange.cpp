// SPDX-License-Identifier: Apache-2.0
// Messages over links. What is to be expected (a peer that has ended, a timeout) is told by
// results, for the Lua above to decide; it also finds the line that called, when somebody asks,
// which costs more than a message.
#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/parallel/link.hpp"

namespace ipcrun::lua {

namespace {

// What came before is often garbage when the next is asked for. Its memory, found at once, serves
// the sender again while it is still in the cache.
constexpr std::size_t stale_bytes = 512 << 10;

constexpr CallSite no_site{"", 0};

int check_tag(lua_State* lua, int index) {
    return static_cast<int>(luaL_checkinteger(lua, index));
}

// Pushes a name of the code, and the message.
int push_failure(lua_State* lua, const Failure& failure) {
    const std::string_view code = name_of(failure.code);
    lua_pushlstring(lua, code.data(), code.size());
    lua_pushstring(lua, failure.message);
    return 2;
}

// Links, which are Lua's and stay where they are as long as their list does.
struct Links {
    Link** first;
    std::size_t count;
};

// Those of the list at `index`, by a userdata on top of the stack; or the one there, by `one`.
Links check_links(lua_State* lua, int index, Link** one = nullptr) {
    if (one != nullptr && lua_isuserdata(lua, index) != 0) {
        *one = &check_link(lua, index);
        return {one, 1};
    }
    luaL_checktype(lua, index, LUA_TTABLE);
    const std::size_t count = lua_rawlen(lua, index);
    auto** first = static_cast<Link**>(lua_newuserdatauv(lua, (count + 1) * sizeof(Link*), 0));
    for (std::size_t i = 0; i < count; ++i) {
        lua_rawgeti(lua, index, static_cast<lua_Integer>(i) + 1);
        first[i] = &check_link(lua, -1);
        lua_pop(lua, 1);
    }
    return {first, count};
}

// send(links, tag, value, timeout): puts the value together once, and sends it to each link of a
// list, or to the one link. All are tried; nothing when all went well, else the index of the first
// that failed, code and message.
int send(lua_State* lua) {
    const int tag = check_tag(lua, 2);
    lua_settop(lua, 4);
    const Timeout timeout = check_timeout(lua, 4);
    Link* one = nullptr;
    const Links links = check_links(lua, 1, &one);
    Outgoing& outgoing = push_outgoing(lua);
    marshal(lua, 3, outgoing, "send");
    Failure first;
    std::size_t first_index = 0;
    if (const Failure failure = attempt([&] { outgoing.pack(); })) raise_table(lua, failure);
    for (std::size_t i = 0; i < links.count; ++i) {
        const Failure failure = attempt([&] {
            Link& link = *links.first[i];
            link.communicator().send(outgoing.parts(), link.member, tag, timeout.deadline, no_site);
        });
        if (!failure || first) continue;
        first = failure;
        first_index = i + 1;
    }
    if (!first) return 0;
    lua_pushinteger(lua, static_cast<lua_Integer>(first_index));
    return 1 + push_failure(lua, first);
}

// A message in a userdata, so that Lua frees it.
constexpr const char* message_name = "parallel.message";

Message& push_message(lua_State* lua) {
    if (luaL_newmetatable(lua, message_name) != 0) {
        lua_pushcfunction(lua, collect<Message>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Message>(lua, message_name);
}

// False: there is none now, and it was to be a test.
bool take(Link& link, int tag, const Timeout& timeout, Message& message) {
    Communicator& communicator = link.communicator();
    if (timeout.is_test && !communicator.test_message(link.member, tag, no_site)) return false;
    // One that is there is received whatever the time is.
    const Deadline deadline = timeout.is_test ? Deadline::never() : timeout.deadline;
    message = communicator.receive_message(link.member, tag, deadline, no_site);
    return true;
}

// receive(link, tag, timeout): true and the value, or false, a code and a message.
int receive(lua_State* lua) {
    check_link(lua, 1);
    const int tag = check_tag(lua, 2);
    const Timeout timeout = check_timeout(lua, 3);
    lua_settop(lua, 1);
    report_memory(lua, stale_bytes);
    Message& message = push_message(lua);
    Incoming& incoming = push_incoming(lua);
    Link& link = check_link(lua, 1);
    Context& shared = context(lua);
    Failure failure = attempt([&] {
        if (!take(link, tag, timeout, message))
            throw Error(ErrorCode::timeout, "there is no message");
    });
    if (failure) {
        lua_pushboolean(lua, 0);
        return 1 + push_failure(lua, failure);
    }
    failure = attempt([&] {
        incoming.open(message.storage, 0, message.envelope.bytes, shared.heap);
        shared.unreported_bytes += message.envelope.bytes;
    });
    if (failure) raise_table(lua, failure);
    lua_pushboolean(lua, 1);
    unmarshal(lua, incoming, "receive");
    // Its memory is that of its tensors from now on, if it has any.
    message = Message();
    incoming = Incoming();
    return 2;
}

// is_ready(link, tag): whether a message is there.
int is_ready(lua_State* lua) {
    Link& link = check_link(lua, 1);
    const int tag = check_tag(lua, 2);
    bool found = false;
    const Failure failure =
        attempt([&] { found = link.communicator().test_message(link.member, tag).has_value(); });
    if (failure && failure.code != ErrorCode::peer_lost) raise_table(lua, failure);
    lua_pushboolean(lua, found);
    return 1;
}

// wait_any(links, tag, first, timeout): the index of a link that has such a message, or will have
// none any more; nil when the time is over. It begins to look at number `first`.
int wait_any(lua_State* lua) {
    const int tag = check_tag(lua, 2);
    const lua_Integer first = luaL_checkinteger(lua, 3);
    lua_settop(lua, 4);
    const Timeout timeout = check_timeout(lua, 4);
    const Links links = check_links(lua, 1);
    auto* sources =
        static_cast<Source*>(lua_newuserdatauv(lua, (links.count + 1) * sizeof(Source), 0));
    std::optional<std::size_t> found;
    const Failure failure = attempt([&] {
        for (std::size_t i = 0; i < links.count; ++i)
            sources[i] = {&links.first[i]->communicator(), links.first[i]->member};
        const std::size_t from = first > 0 ? static_cast<std::size_t>(first - 1) : 0;
        found = ipcrun::wait_any({sources, links.count}, tag,
                                 links.count == 0 ? 0 : from % links.count, timeout.deadline);
    });
    if (failure) raise_table(lua, failure);
    if (found)
        lua_pushinteger(lua, static_cast<lua_Integer>(*found) + 1);
    else
        lua_pushnil(lua);
    return 1;
}

}  // namespace

const luaL_Reg exchange_methods_of_links[] = {
    {"is_ready", is_ready}, {"receive", receive}, {nullptr, nullptr}};
const luaL_Reg exchange_functions[] = {{"send", send}, {"wait_any", wait_any}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
