// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/channel.hpp"

#include <cstring>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/queue_calls.hpp"
#include "bindings/lua/threads/relatives.hpp"
#include "bindings/lua/threads/shared_channel.hpp"

namespace ipcrun::lua {

namespace {

Channel& check_channel(lua_State* lua) {
    return check_handle<Channel>(lua, 1, channel_type);
}

void push_status(lua_State* lua, QueueStatus status) {
    lua_pushinteger(lua, static_cast<lua_Integer>(status));
}

// What `question` says of the queue. Raises: one in shared memory may have been written over.
template <typename Question>
auto ask(lua_State* lua, Question question) {
    ItemQueue& queue = check_channel(lua).queue();
    decltype(question(queue)) answer{};
    if (const Failure failure = attempt([&] { answer = question(queue); }))
        raise_table(lua, failure);
    return answer;
}

QueueStatus ask_status(lua_State* lua) {
    return ask(lua, [](const ItemQueue& queue) { return queue.status(); });
}

// ---- writing

struct Written {
    QueueOutcome outcome = QueueOutcome::done;
    std::size_t count = 0;
};

// Writes the values from `first` on. All of them are items before the first is written.
Written write_values(lua_State* lua, int first, Closures closures, Deadline deadline,
                     const char* operation) {
    Context& shared = *courier(lua).shared;
    Channel* const channel = &check_channel(lua);
    Written written;
    const auto write = [&](std::span<Item> items) {
        Bell* const bells[] = {&channel->queue().writable()};
        written.outcome = put_items(
            shared, channel->queue(), bells, deadline, operation, items, written.count,
            [&] { return channel->is_lonely(); }, [&] { return channel->is_abandoned(shared); },
            [&] { channel->give_up(operation); });
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
    // An item that was just written may be the last one, and already read by another.
    push_status(lua,
                written.outcome == QueueOutcome::refused ? ask_status(lua) : QueueStatus::open);
    return 1;
}

int write_all(lua_State* lua, Closures closures, const char* operation) {
    if (lua_gettop(lua) == 1) {
        push_status(lua, ask_status(lua));
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
    luaL_checkany(lua, 2);
    const Deadline deadline = check_seconds(lua, 2, Deadline::never());
    return push_counted(lua, write_values(lua, 3, Closures::welcome, deadline, "write_for"));
}

// ---- reading

// Takes an item into the courier.
Taken take(lua_State* lua, Channel& channel, Deadline deadline, const char* operation) {
    Courier& reader = courier(lua);
    Taken taken;
    const Failure failure = attempt([&] {
        ItemSource* const sources[] = {&channel};
        taken = take_item(reader, sources, 0, deadline, operation);
    });
    if (failure) raise_table(lua, failure);
    return taken;
}

int read(lua_State* lua) {
    Channel& channel = check_channel(lua);
    const Taken taken = take(lua, channel, check_patience(lua, 2), "read");
    if (taken.outcome != QueueOutcome::done) {
        push_status(lua, ask_status(lua));
        return 1;
    }
    push_status(lua, taken.after);
    channel.queue().push(lua, courier(lua).taken, "read");
    return 2;
}

int next_item(lua_State* lua) {
    Channel& channel = check_channel(lua);
    if (take(lua, channel, Deadline::never(), "items").outcome != QueueOutcome::done) return 0;
    channel.queue().push(lua, courier(lua).taken, "items");
    check_no_nil(lua);
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
    const auto items = ask(lua, [](const ItemQueue& queue) { return queue.items(); });
    lua_pushinteger(lua, static_cast<lua_Integer>(items));
    return 1;
}

int capacity(lua_State* lua) {
    const std::uint64_t capacity = check_channel(lua).queue().capacity();
    if (capacity == 0) return 0;
    lua_pushinteger(lua, static_cast<lua_Integer>(capacity));
    return 1;
}

int close(lua_State* lua) {
    ItemQueue& queue = check_channel(lua).queue();
    if (const Failure failure = attempt([&] { queue.close(); })) raise_table(lua, failure);
    return 0;
}

int closed(lua_State* lua) {
    lua_pushboolean(lua, ask_status(lua) != QueueStatus::open);
    return 1;
}

int drained(lua_State* lua) {
    lua_pushboolean(lua, ask_status(lua) == QueueStatus::drained);
    return 1;
}

int to_text(lua_State* lua) {
    const auto items =
        static_cast<lua_Integer>(ask(lua, [](const ItemQueue& queue) { return queue.items(); }));
    constexpr const char* names[] = {"open", "closed", "drained"};
    lua_pushfstring(lua, "ipc.channel (%s, %I item%s)", names[static_cast<int>(ask_status(lua))],
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

// __call of the table: the first argument is that.
int create(lua_State* lua) {
    QueueOptions options;
    if (!lua_isnoneornil(lua, 2))
        options = check_queue_options(
            lua, 2, "ipc.channel", queue_option_capacity | queue_option_name | queue_option_shared);
    if (options.name != 0 && !options.is_shared)
        return luaL_error(lua, "ipc.channel: a name is for shared channels: add shared = true");
    std::size_t length = 0;
    const char* name = options.name == 0 ? nullptr : lua_tolstring(lua, options.name, &length);
    Context& shared = context(lua);
    if (options.is_shared) report_shared_channel(lua);
    HandleObject& handle = push_new_handle(lua, channel_type);
    const auto make = [&] {
        (void)household_of(shared, "ipc.channel");
        if (name != nullptr)
            handle.holder = open_named_channel(shared, {name, length}, options.capacity);
        else if (options.is_shared)
            handle.holder = create_shared_channel(shared, options.capacity);
        else
            handle.holder =
                Holder(std::make_shared<Channel>(std::make_unique<LocalQueue>(options.capacity)));
    };
    if (const Failure failure = attempt_with_collector(lua, make)) raise_table(lua, failure);
    // This state may have it already, by its name.
    settle_handle(lua);
    return 1;
}

}  // namespace

bool Channel::is_abandoned(const Context& shared) {
    return !queue_->is_local() && queue_->is_abandoned(holders() <= 1, has_relatives(shared));
}

void Channel::give_up(const char* operation) {
    const std::string why = is_lonely() ? std::string() : queue_->why_abandoned();
    if (!why.empty()) fail(ErrorCode::peer_lost, "{}: {}", operation, why);
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
    register_shared_channels(lua);
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
