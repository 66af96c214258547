// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/channel.hpp"

#include <cstring>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/threads/courier.hpp"
#include "bindings/lua/threads/queue_wait.hpp"

namespace ipcrun::lua {

namespace {

Channel& check_channel(lua_State* lua) {
    return check_handle<Channel>(lua, 1, channel_type);
}

void push_status(lua_State* lua, QueueStatus status) {
    lua_pushinteger(lua, static_cast<lua_Integer>(status));
}

// ---- writing

struct Written {
    QueueOutcome outcome = QueueOutcome::done;
    std::size_t count = 0;
};

// Writes the values from `first` on. All of them are items before the first is written.
Written write_values(lua_State* lua, int first, Closures closures, Deadline deadline,
                     const char* operation) {
    Channel* const channel = &check_channel(lua);
    Written written;
    const auto write = [&](std::span<Item> items) {
        written.outcome = write_patiently(
            *courier(lua).shared, channel->queue(), deadline, operation, items, written.count,
            [&] { return channel->is_lonely(); }, [&] { Channel::fail_lonely(operation); });
    };
    Failure failure;
    SmallValue small;
    if (lua_gettop(lua) == first && channel->queue().takes_small_values() &&
        to_small(lua, first, small)) {
        failure = attempt([&] {
            Item item(small);
            write({&item, 1});
        });
    } else if (lua_gettop(lua) >= first) {
        luaL_checkstack(lua, 10, operation);
        Batch& batch = push_batch(lua, first, channel->queue(), closures, operation);
        failure = attempt([&] { write(batch.items); });
    }
    if (failure) raise_table(lua, failure);
    return written;
}

int push_written(lua_State* lua, const Written& written) {
    const QueueStatus status = check_channel(lua).queue().status();
    // An item that was just written may be the last one, and already read by another.
    push_status(lua, written.outcome == QueueOutcome::refused ? status : QueueStatus::open);
    return 1;
}

int write_all(lua_State* lua, Closures closures, const char* operation) {
    if (lua_gettop(lua) == 1) {
        push_status(lua, check_channel(lua).queue().status());
        return 1;
    }
    return push_written(lua, write_values(lua, 2, closures, Deadline::never(), operation));
}

int write(lua_State* lua) {
    (void)check_channel(lua);
    return write_all(lua, Closures::refused, "write");
}

int writeup(lua_State* lua) {
    (void)check_channel(lua);
    return write_all(lua, Closures::welcome, "writeup");
}

int push_counted(lua_State* lua, const Written& written) {
    push_written(lua, written);
    lua_pushinteger(lua, static_cast<lua_Integer>(written.count));
    return 2;
}

int try_write(lua_State* lua) {
    (void)check_channel(lua);
    return push_counted(
        lua, write_values(lua, 2, Closures::welcome, Deadline::after(Seconds(0)), "try_write"));
}

int write_for(lua_State* lua) {
    (void)check_channel(lua);
    const double seconds = luaL_checknumber(lua, 2);
    luaL_argcheck(lua, seconds >= 0, 2, "the time must be a number of seconds, 0 or more");
    return push_counted(lua, write_values(lua, 3, Closures::welcome,
                                          Deadline::after(Seconds(seconds)), "write_for"));
}

// ---- reading

// Takes an item into the courier.
QueueOutcome take(lua_State* lua, Deadline deadline, QueueStatus& after) {
    Courier& hands = courier(lua);
    Channel& channel = check_channel(lua);
    QueueOutcome outcome = QueueOutcome::would_wait;
    const Failure failure = attempt([&] {
        hands.taken = Item();
        outcome = read_patiently(
            *hands.shared, channel.queue(), deadline, "read", hands.taken, after,
            [&] { return channel.is_lonely(); }, [] { Channel::fail_lonely("read"); });
    });
    if (failure) raise_table(lua, failure);
    return outcome;
}

Deadline check_patience(lua_State* lua, int index) {
    if (lua_istable(lua, index)) return check_options(lua, index, option_timeout, 0).deadline;
    return lua_toboolean(lua, index) != 0 ? Deadline::after(Seconds(0)) : Deadline::never();
}

int read(lua_State* lua) {
    Channel& channel = check_channel(lua);
    const Deadline deadline = check_patience(lua, 2);
    QueueStatus after = QueueStatus::open;
    if (take(lua, deadline, after) != QueueOutcome::done) {
        push_status(lua, channel.queue().status());
        return 1;
    }
    push_status(lua, after);
    channel.queue().push(lua, courier(lua).taken, "read");
    return 2;
}

int next_item(lua_State* lua) {
    Channel& channel = check_channel(lua);
    QueueStatus after = QueueStatus::open;
    if (take(lua, Deadline::never(), after) != QueueOutcome::done) return 0;
    channel.queue().push(lua, courier(lua).taken, "items");
    if (lua_isnil(lua, -1))
        luaL_error(lua, "items: an item is nil, which would end a for loop: use read()");
    return 1;
}

int items(lua_State* lua) {
    (void)check_channel(lua);
    push_courier(lua);
    lua_pushcclosure(lua, next_item, 1);
    lua_pushvalue(lua, 1);
    return 2;
}

// ---- looking and closing

int num_items(lua_State* lua) {
    lua_pushinteger(lua, static_cast<lua_Integer>(check_channel(lua).queue().items()));
    return 1;
}

int capacity(lua_State* lua) {
    const std::uint64_t capacity = check_channel(lua).queue().capacity();
    if (capacity == 0) return 0;
    lua_pushinteger(lua, static_cast<lua_Integer>(capacity));
    return 1;
}

int close(lua_State* lua) {
    check_channel(lua).queue().close();
    return 0;
}

int closed(lua_State* lua) {
    lua_pushboolean(lua, check_channel(lua).queue().status() != QueueStatus::open);
    return 1;
}

int drained(lua_State* lua) {
    lua_pushboolean(lua, check_channel(lua).queue().status() == QueueStatus::drained);
    return 1;
}

int to_text(lua_State* lua) {
    ItemQueue& queue = check_channel(lua).queue();
    constexpr const char* names[] = {"open", "closed", "drained"};
    const auto items = static_cast<lua_Integer>(queue.items());
    lua_pushfstring(lua, "ipc.channel (%s, %I item%s)", names[static_cast<int>(queue.status())],
                    items, items == 1 ? "" : "s");
    return 1;
}

constexpr luaL_Reg methods[] = {
    {"write", write}, {"writeup", writeup}, {"try_write", try_write}, {"write_for", write_for},
    {"read", read},   {"items", items},     {"num_items", num_items}, {"capacity", capacity},
    {"close", close}, {"closed", closed},   {"drained", drained},     {nullptr, nullptr},
};
constexpr luaL_Reg metamethods[] = {
    {"__tostring", to_text}, {"__close", close}, {nullptr, nullptr}};

// ---- making

std::uint64_t check_capacity(lua_State* lua, int index) {
    std::uint64_t capacity = 0;
    if (lua_isnoneornil(lua, index)) return capacity;
    luaL_checktype(lua, index, LUA_TTABLE);
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        const char* key = luaL_tolstring(lua, -2, nullptr);
        if (std::strcmp(key, "capacity") != 0)
            luaL_error(lua, "ipc.channel: unknown option '%s' (there is: capacity)", key);
        int is_integer = 0;
        const lua_Integer value = lua_tointegerx(lua, -2, &is_integer);
        if (is_integer == 0 || lua_type(lua, -2) != LUA_TNUMBER || value < 1)
            luaL_error(lua, "ipc.channel: the capacity must be an integer, 1 or more");
        capacity = static_cast<std::uint64_t>(value);
        lua_pop(lua, 2);
    }
    return capacity;
}

// __call of the table: the first argument is that.
int create(lua_State* lua) {
    const std::uint64_t capacity = check_capacity(lua, 2);
    HandleObject& handle = push_new_handle(lua, channel_type);
    const Failure failure = attempt([&] {
        handle.holder = Holder(std::make_shared<Channel>(std::make_unique<LocalQueue>(capacity)));
    });
    if (failure) raise_table(lua, failure);
    intern_handle(lua);
    return 1;
}

}  // namespace

void Channel::fail_lonely(const char* operation) {
    fail(ErrorCode::usage,
         "{}: nobody else has this channel: no other thread does, and it is on its way to none, so "
         "this would wait for ever",
         operation);
}

void register_channel(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_errors(lua);
    register_marshal(lua);
    register_courier(lua);
    register_courier_type(lua, channel_type, methods, metamethods);
    lua_createtable(lua, 0, 3);
    constexpr const char* names[] = {"OPEN", "CLOSED", "DRAINED"};
    for (int status = 0; status < 3; ++status) {
        lua_pushinteger(lua, status);
        lua_setfield(lua, -2, names[status]);
    }
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, -2, "__call");
    lua_setmetatable(lua, -2);
    lua_setfield(lua, ipc, "channel");
}

}  // namespace ipcrun::lua
