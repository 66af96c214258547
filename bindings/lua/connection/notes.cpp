// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/notes.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "bindings/lua/torch/type_names.hpp"

namespace ipcrun::lua {

namespace {

constexpr std::uint8_t tensor_mark = 't';
constexpr std::uint8_t storage_mark = 's';

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> reason, Args&&... args) {
    fail(ErrorCode::protocol, "take a message apart: {}",
         fmt::format(reason, std::forward<Args>(args)...));
}

}  // namespace

NoteBytes encode_note(const Note& note) {
    NoteBytes result;
    const auto append = [&result](auto value) {
        std::memcpy(result.bytes.data() + result.length, &value, sizeof value);
        result.length += sizeof value;
    };
    append(note.kind == NoteKind::tensor ? tensor_mark : storage_mark);
    append(static_cast<std::uint8_t>(note.dtype));
    append(static_cast<std::uint8_t>(note.shape.dims));
    for (int d = 0; d < note.shape.dims; ++d) append(note.shape.sizes[d]);
    return result;
}

bool is_farewell(std::span<const std::uint8_t> note) {
    return note.size() == 1 && note[0] == farewell_note[0];
}

Note decode_note(const Arrival& arrival) {
    Note note;
    if (arrival.note.empty()) return note;
    if (is_farewell(arrival.note)) {
        note.kind = NoteKind::farewell;
        return note;
    }
    Decoder decoder(arrival.note);
    const auto mark = decoder.number<std::uint8_t>();
    if (mark != tensor_mark && mark != storage_mark) refuse("its note begins with {}", mark);
    note.kind = mark == tensor_mark ? NoteKind::tensor : NoteKind::storage;
    const auto dtype = decoder.number<std::uint8_t>();
    const auto dims = decoder.number<std::uint8_t>();
    if (dtype >= dtype_count) refuse("a dtype that is none");
    if (dims > tensor_dims_max || (mark == storage_mark && dims != 1))
        refuse("{} dimensions", dims);
    note.dtype = static_cast<Dtype>(dtype);
    note.shape.dims = dims;
    std::size_t bytes = size_of(note.dtype);
    bool overflow = false;
    for (int d = 0; d < dims; ++d) {
        const auto size = note.shape.sizes[d] = decoder.number<std::int64_t>();
        if (size < 0) refuse("a tensor of a negative size");
        overflow |= __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes);
    }
    decoder.end();
    if (dims == 0) bytes = 0;
    const bool is_empty = note.shape.count() == 0;
    if ((overflow && !is_empty) || arrival.bytes != (is_empty ? 0 : bytes) ||
        (!is_empty && arrival.dtype != note.dtype))
        refuse("{} in {} bytes of {}", describe(note), arrival.bytes, name_of(arrival.dtype));
    return note;
}

std::string describe(const Note& note) {
    switch (note.kind) {
        case NoteKind::tensor:
            return fmt::format("a {} of {}", tensor_name_of(note.dtype), format_shape(note.shape));
        case NoteKind::storage:
            return fmt::format("a {} of {}", storage_name_of(note.dtype), note.shape.sizes[0]);
        default:
            return "a value";
    }
}

void check_same(const Note& came, const Note& given) {
    if (came.kind == given.kind && came.dtype == given.dtype && came.shape == given.shape) return;
    const char* advice = came.kind == NoteKind::value
                             ? "; recv() without a tensor takes it"
                             : "; recv() without a tensor makes a new one of it";
    fail(ErrorCode::mismatch, "the message is {}, it cannot be received into {}{}", describe(came),
         describe(given), advice);
}

}  // namespace ipcrun::lua
