// SPDX-License-Identifier: Apache-2.0
// send, recv and recvAsync of clients.
#include "bindings/lua/connection/exchange.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "bindings/lua/connection/options.hpp"
#include "bindings/lua/context.hpp"

namespace ipcrun::lua {

namespace {

// What came before is often garbage when the next is asked for. Its memory, found at once, serves
// again while it is still in the cache.
constexpr std::size_t stale_bytes = 512 << 10;
constexpr const char* received_name = "ipcrun.received";

// A message that came, in a userdata, so that Lua frees it.
struct Received {
    Note note;
    Message message;
};

Received& push_received(lua_State* lua) {
    if (luaL_newmetatable(lua, received_name) != 0) {
        lua_pushcfunction(lua, collect<Received>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Received>(lua, received_name);
}

// Makes the value that `received` is; its memory is that of the value then. Pops it.
void push_value(lua_State* lua, Received& received, const char* operation) {
    luaL_checkstack(lua, 10, operation);
    if (received.note.kind == NoteKind::tensor) {
        Tensor& tensor = push_tensor(lua);
        tensor.dims = received.note.shape.dims;
        std::copy_n(received.note.shape.sizes, tensor.dims, tensor.sizes);
        set_contiguous_strides(received.note.shape, tensor.strides);
        tensor.storage = std::move(received.message.storage);
    } else if (received.note.kind == NoteKind::storage) {
        StorageObject& object = push_storage(lua);
        object.storage = std::move(received.message.storage);
    } else {
        Incoming& incoming = push_incoming(lua);
        const Context& shared = context(lua);
        const Failure failure = attempt([&] {
            const StoragePtr message = std::move(received.message.storage);
            incoming.open(message, 0, received.message.envelope.bytes, shared.heap);
        });
        if (failure) raise_table(lua, failure);
        unmarshal(lua, incoming, operation);
        incoming = Incoming();
        lua_remove(lua, -2);
    }
    lua_remove(lua, -2);
}

// Takes the message that is there.
void take(Context& shared, Endpoint& endpoint, const Arrival& arrival, Received& received,
          const char* operation, Deadline deadline) {
    received.note = decode_note(arrival);
    received.message = endpoint.receive(operation, deadline);
    StoragePtr& storage = received.message.storage;
    if (!storage) storage = Storage::create(shared.heap, received.note.dtype, 0);
    shared.unreported_bytes += storage->bytes();
}

// client:send(value[, options])
int send(lua_State* lua) {
    Endpoint& endpoint = check_endpoint(lua, 1);
    luaL_checkany(lua, 2);
    const Deadline deadline = check_timeout_option(lua, 3);
    check_no_more(lua, 3);
    // Its marshalling may run finalisers: what they close stays where it is, and says so.
    send_value(lua, 2, "send", [&](const Sendable& sendable) {
        endpoint.send("send", sendable.note, sendable.parts, deadline);
    });
    return 0;
}

int receive_in_place(lua_State* lua, Deadline deadline) {
    const NoteKind kind = kind_at(lua, 2);
    const TensorArgument argument(lua, 2);
    Endpoint& endpoint = check_endpoint(lua, 1);
    const Failure failure = attempt([&] {
        const Tensor tensor = argument.get();
        check_writable(view_of(tensor), "recv");
        const Arrival arrival = endpoint.wait("recv", deadline);
        check_same(decode_note(arrival), note_of(kind, tensor));
        const Part part = part_of(tensor);
        endpoint.receive_into("recv", {&part, 1}, deadline);
    });
    if (failure) raise_table(lua, failure);
    lua_pushvalue(lua, 2);
    return 1;
}

// client:recv([tensor or storage][, options])
int recv(lua_State* lua) {
    (void)check_endpoint(lua, 1);
    const bool has_target = TensorArgument(lua, 2) ? true : false;
    if (!has_target && !lua_isnoneornil(lua, 2) && !lua_istable(lua, 2))
        raise_expected(lua, 2, "a tensor, a storage or a table of options");
    const bool has_options = !has_target && lua_istable(lua, 2);
    const int options = has_options ? 2 : 3;
    check_no_more(lua, options);
    const Deadline deadline = check_timeout_option(lua, options);
    if (has_target) return receive_in_place(lua, deadline);
    return receive_value(lua, 1, "recv", deadline);
}

// client:recvAsync(): nothing when there is no message, or not all of one.
int recv_async(lua_State* lua) {
    (void)check_endpoint(lua, 1);
    check_no_more(lua, 1);
    report_memory(lua, stale_bytes);
    Received& received = push_received(lua);
    Endpoint& endpoint = check_endpoint(lua, 1);
    Context& shared = context(lua);
    bool is_there = false;
    const Failure failure = attempt([&] {
        if (!endpoint.look("recvAsync") || !endpoint.has_whole("recvAsync")) return;
        // It may have been taken back, or lost, while more of it was taken in.
        const auto arrival = endpoint.look("recvAsync");
        if (!arrival) return;
        take(shared, endpoint, *arrival, received, "recvAsync", Deadline::never());
        is_there = true;
    });
    if (failure) raise_table(lua, failure);
    if (!is_there) return 0;
    push_value(lua, received, "recvAsync");
    return 1;
}

// What has been received already, and is no plain value.
int push_short_value(lua_State* lua, std::span<const std::uint8_t> parcel, const char* operation) {
    Received& received = push_received(lua);
    Context& shared = context(lua);
    const Failure failure = attempt([&] {
        received.message.storage = Storage::create(shared.heap, Dtype::u8, parcel.size());
        std::memcpy(received.message.storage->data(), parcel.data(), parcel.size());
        received.message.envelope.bytes = parcel.size();
    });
    if (failure) raise_table(lua, failure);
    push_value(lua, received, operation);
    return 1;
}

}  // namespace

int receive_value(lua_State* lua, int index, const char* operation, Deadline deadline) {
    std::array<std::uint8_t, plain_bytes_max> room;
    Connection::Found found;
    Endpoint& waiting = check_endpoint(lua, index);
    const Failure wait_failure =
        attempt([&] { found = waiting.wait_or_receive(operation, room, deadline); });
    if (wait_failure) raise_table(lua, wait_failure);
    if (found.is_received) {
        const auto parcel = std::span<const std::uint8_t>(room).first(found.arrival.bytes);
        return push_plain_value(lua, parcel) ? 1 : push_short_value(lua, parcel, operation);
    }
    report_memory(lua, stale_bytes);
    Received& received = push_received(lua);
    Endpoint& endpoint = check_endpoint(lua, index);
    Context& shared = context(lua);
    const Failure failure = attempt([&] {
        const Arrival arrival = endpoint.wait(operation, deadline);
        take(shared, endpoint, arrival, received, operation, deadline);
    });
    if (failure) raise_table(lua, failure);
    push_value(lua, received, operation);
    return 1;
}

const luaL_Reg exchange_methods_of_clients[] = {
    {"send", send}, {"recv", recv}, {"recvAsync", recv_async}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
