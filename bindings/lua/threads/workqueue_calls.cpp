// SPDX-License-Identifier: Apache-2.0
// ipc.workqueue and the methods of what it gives.
#include <optional>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/threads/queue_calls.hpp"
#include "bindings/lua/threads/workqueue.hpp"

namespace ipcrun::lua {

namespace {

Workqueue& check_workqueue(lua_State* lua) {
    auto& queue = check_handle<Workqueue>(lua, 1, workqueue_type);
    queue.enter(courier(lua));
    return queue;
}

int write_values(lua_State* lua, Closures closures, const char* operation) {
    Courier& writer = courier(lua);
    Workqueue* const queue = &check_workqueue(lua);
    Failure failure;
    SmallValue small;
    if (lua_gettop(lua) == 2 && to_small(lua, 2, small)) {
        failure = attempt([&] {
            Item item(small);
            queue->write(writer, {&item, 1}, operation);
        });
    } else if (lua_gettop(lua) >= 2) {
        luaL_checkstack(lua, 10, operation);
        Batch& batch = push_batch(lua, 2, queue->outlet(writer), closures, operation);
        // A finaliser may have closed it.
        Workqueue* const still = &check_workqueue(lua);
        failure = attempt([&] { still->write(writer, batch.items, operation); });
    }
    if (failure) raise_table(lua, failure);
    return 0;
}

int write(lua_State* lua) {
    return write_values(lua, Closures::refused, "write");
}

int writeup(lua_State* lua) {
    return write_values(lua, Closures::welcome, "writeup");
}

// Takes an item into the courier. False when there is none in time.
bool take(lua_State* lua, Deadline deadline, bool is_looking, const char* operation) {
    Courier& reader = courier(lua);
    Workqueue& queue = check_workqueue(lua);
    Taken taken;
    const Failure failure = attempt([&] {
        ItemSource* const sources[] = {&queue};
        taken = take_item(reader, sources, 0, deadline, operation);
        if (taken.outcome == QueueOutcome::refused && !is_looking)
            fail(ErrorCode::peer_lost,
                 "{}: nothing is left to read, and the queue's owner has closed it", operation);
    });
    if (failure) raise_table(lua, failure);
    return taken.outcome == QueueOutcome::done;
}

void push_taken_item(lua_State* lua, const char* operation) {
    push_taken(lua, courier(lua).taken, operation);
}

int read(lua_State* lua) {
    const bool is_looking = !lua_istable(lua, 2) && lua_toboolean(lua, 2) != 0;
    if (!take(lua, check_patience(lua, 2), is_looking, "read")) return 0;
    push_taken_item(lua, "read");
    return 1;
}

int poll(lua_State* lua) {
    const Deadline deadline = check_seconds(lua, 2, Deadline::after(Seconds(0)));
    const bool found = take(lua, deadline, false, "poll");
    lua_pushboolean(lua, found);
    if (!found) return 1;
    push_taken_item(lua, "poll");
    return 2;
}

int next_question(lua_State* lua) {
    if (!take(lua, Deadline::never(), true, "items")) return 0;
    push_taken_item(lua, "items");
    return 1;
}

int next_answer(lua_State* lua) {
    Courier& owner = courier(lua);
    Workqueue& queue = check_workqueue(lua);
    QueueOutcome outcome = QueueOutcome::refused;
    const Failure failure = attempt([&] { outcome = queue.take_answer(owner, "items"); });
    if (failure) raise_table(lua, failure);
    if (outcome != QueueOutcome::done) return 0;
    push_taken_item(lua, "items");
    check_no_nil(lua);
    return 1;
}

int items(lua_State* lua) {
    const bool is_owner = check_workqueue(lua).is_owner(courier(lua));
    push_courier(lua);
    lua_pushcclosure(lua, is_owner ? next_answer : next_question, 1);
    lua_pushvalue(lua, 1);
    return 2;
}

int drain(lua_State* lua) {
    Courier& owner = courier(lua);
    Workqueue& queue = check_workqueue(lua);
    if (!queue.is_owner(owner))
        luaL_error(lua, "workqueue drain is only available on the owner thread");
    const Deadline deadline = check_seconds(lua, 2, Deadline::never());
    bool is_drained = false;
    const Failure failure = attempt([&] { is_drained = queue.drain(owner, deadline); });
    if (failure) raise_table(lua, failure);
    lua_pushboolean(lua, is_drained);
    return 1;
}

HandleObject& check_handle_object(lua_State* lua) {
    return *static_cast<HandleObject*>(luaL_checkudata(lua, 1, workqueue_type));
}

int close(lua_State* lua) {
    HandleObject& handle = check_handle_object(lua);
    if (!handle.holder) luaL_error(lua, "workqueue is already closed");
    if (--handle.opens == 0) release_handle(lua, handle);
    return 0;
}

int close_quietly(lua_State* lua) {
    HandleObject& handle = check_handle_object(lua);
    if (handle.holder && --handle.opens == 0) release_handle(lua, handle);
    return 0;
}

int to_text(lua_State* lua) {
    const HandleObject& handle = check_handle_object(lua);
    if (!handle.holder) {
        lua_pushliteral(lua, "ipc.workqueue (not open)");
        return 1;
    }
    Workqueue& queue = check_workqueue(lua);
    const auto waiting = static_cast<lua_Integer>(queue.inlet(courier(lua)).items());
    lua_pushfstring(lua, "ipc.workqueue (%s%s%s, %I to read)", queue.name().c_str(),
                    queue.name().empty() ? "" : ", ",
                    queue.is_owner(courier(lua)) ? "owner" : "worker", waiting);
    return 1;
}

constexpr luaL_Reg methods[] = {
    {"write", write}, {"writeup", writeup}, {"read", read},   {"poll", poll},
    {"items", items}, {"drain", drain},     {"close", close}, {nullptr, nullptr},
};
constexpr luaL_Reg metamethods[] = {
    {"__tostring", to_text}, {"__close", close_quietly}, {nullptr, nullptr}};

// What workqueue(name, size, increment) or workqueue{…} asks for.
QueueOptions check_arguments(lua_State* lua) {
    if (lua_istable(lua, 1))
        return check_queue_options(lua, 1, "ipc.workqueue",
                                   queue_option_capacity | queue_option_name);
    QueueOptions options;
    // Sizes of torch-ipc's buffers, which grew: there is nothing to do about them.
    (void)luaL_optnumber(lua, 2, 0);
    (void)luaL_optnumber(lua, 3, 0);
    if (lua_isnoneornil(lua, 1)) return options;
    (void)luaL_checkstring(lua, 1);
    options.name = 1;
    return options;
}

Holder open_workqueue(const Courier& opener, const std::string& name, std::uint64_t capacity,
                      bool& is_new) {
    const auto make = [&] { return Holder(std::make_shared<Workqueue>(opener, name, capacity)); };
    is_new = true;
    if (name.empty()) return make();
    auto [holder, is_made] = opener.shared->household->find_or_make("workqueue " + name, make);
    is_new = is_made;
    auto& queue = static_cast<Workqueue&>(*holder.get());
    if (capacity != 0 && queue.capacity() != capacity)
        fail(ErrorCode::usage, "ipc.workqueue: '{}' is there with another capacity: {}", name,
             queue.capacity() == 0 ? "any" : std::to_string(queue.capacity()));
    queue.enter(opener);
    return std::move(holder);
}

int create(lua_State* lua) {
    const QueueOptions options = check_arguments(lua);
    std::size_t length = 0;
    const char* name = options.name != 0 ? lua_tolstring(lua, options.name, &length) : "";
    bool is_new = false;
    Courier& opener = courier(lua);
    HandleObject& handle = push_new_handle(lua, workqueue_type);
    const Failure failure = attempt([&] {
        handle.holder = open_workqueue(opener, std::string(name, length), options.capacity, is_new);
    });
    if (failure) raise_table(lua, failure);
    // This state may have a userdata for it already.
    HandleObject& known = settle_handle(lua);
    if (&known != &handle) ++known.opens;
    lua_pushinteger(lua, is_new ? 1 : 0);
    return 2;
}

}  // namespace

void register_workqueue(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_courier(lua);
    register_courier_type(lua, workqueue_type, methods, metamethods);
    push_courier(lua);
    lua_pushcclosure(lua, create, 1);
    lua_setfield(lua, ipc, "workqueue");
}

}  // namespace ipcrun::lua
