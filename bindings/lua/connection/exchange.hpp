// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Values of Lua to messages of connections, and back.

#include <lua.hpp>
#include <span>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/connection/client.hpp"
#include "bindings/lua/connection/notes.hpp"
#include "bindings/lua/connection/plain_value.hpp"
#include "bindings/lua/ipc/blocks.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/tensor.hpp"
#include "runtime/part.hpp"

namespace ipcrun::lua {

/// Borrowed.
struct Sendable {
    std::span<const std::uint8_t> note;
    std::span<const Part> parts;
};

/// What stands on the stack, where TensorArgument has found a tensor or storage. Not within
/// attempt().
inline NoteKind kind_at(lua_State* lua, int index) {
    return test_tensor(lua, index) != nullptr ? NoteKind::tensor : NoteKind::storage;
}
/// What it is sent as.
inline Note note_of(NoteKind kind, const Tensor& tensor) {
    Note note;
    note.kind = kind;
    note.dtype = tensor.dtype();
    note.shape = shape_of(tensor);
    return note;
}

/// Puts the value at `index` together, and then calls `work(sendable)` as attempt() does. Raises
/// what that throws; for a value that cannot go, before it is called.
template <typename Work>
void send_value(lua_State* lua, int index, const char* operation, Work work) {
    Failure failure;
    if (PlainParcel plain; plain.encode(lua, index)) {
        failure = attempt([&] {
            const auto bytes = plain.bytes();
            const Part part{const_cast<std::uint8_t*>(bytes.data()), bytes.size(), Dtype::u8};
            work(Sendable{{}, {&part, 1}});
        });
    } else if (const TensorArgument argument(lua, index); argument) {
        const NoteKind kind = kind_at(lua, index);
        failure = attempt([&] {
            const Tensor tensor = argument.get();
            const NoteBytes bytes = encode_note(note_of(kind, tensor));
            const Part part = part_of(tensor);
            work(Sendable{bytes.get(), {&part, 1}});
        });
    } else {
        Outgoing& outgoing = push_outgoing(lua);
        marshal(lua, index, outgoing, operation, Closures::refused);
        failure = attempt([&] {
            outgoing.pack();
            work(Sendable{{}, outgoing.parts()});
        });
        outgoing.clear();
        lua_pop(lua, 1);
    }
    if (failure) raise_table(lua, failure);
}

/// Waits for the next message of the client at `index`, and pushes its value. Gives 1.
int receive_value(lua_State* lua, int index, const char* operation, Deadline deadline);

}  // namespace ipcrun::lua
