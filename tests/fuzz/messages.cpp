// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for the small messages that peers of a connection send each other, and for the
// file by which they meet: whatever the bytes are, they are a message, or an error of the protocol.
// What is accepted must be what encoding gives back, once its texts have been made fit to be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fail.hpp"
#include "bindings/lua/connection/notes.hpp"
#include "runtime/connection/group_messages.hpp"
#include "runtime/connection/rendezvous_file.hpp"
#include "runtime/connection/tree_note.hpp"
#include "runtime/connection/upgrade_messages.hpp"
#include "runtime/stream/frame.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;

namespace {

enum Form : std::uint8_t {
    introduction,
    answer,
    outcome,
    verdict,
    group,
    tree,
    rendezvous,
    tensor_note,
    form_count
};

template <typename Decode>
void try_decode(std::span<const std::uint8_t> bytes, Decode decode) {
    const auto message = decode(bytes);
    const Bytes again = encode(message);
    check(again.size() <= bytes.size(), "a message grew");
    check(decode(again) == message, "a message changed");
}

void try_group(std::span<const std::uint8_t> bytes) {
    const Bytes again = encode(decode_group_message(bytes));
    check(encode(decode_group_message(again)) == again, "a message of a group changed");
}

// A text that is too long for a note is cut.
void try_tree(std::span<const std::uint8_t> bytes) {
    const Bytes again = encode(decode_tree_note(bytes));
    check(again.size() <= note_bytes_max, "a note does not fit before a message");
    check(encode(decode_tree_note(again)) == again, "a note of a tree changed");
}

void try_rendezvous(std::span<const std::uint8_t> bytes) {
    const std::string text(bytes.begin(), bytes.end());
    const auto place = parse_rendezvous(text);
    check(!place || format_rendezvous(*place) == text, "a meeting place changed");
}

// A dtype and a size go before the note.
void try_tensor_note(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < 5) return;
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + 1, sizeof size);
    const Arrival arrival{.bytes = size,
                          .dtype = static_cast<Dtype>(bytes[0] % dtype_count),
                          .note = bytes.subspan(5)};
    const lua::Note note = lua::decode_note(arrival);
    check(!lua::describe(note).empty(), "a message has no description");
    if (note.kind != lua::NoteKind::tensor && note.kind != lua::NoteKind::storage) return;
    const std::int64_t count = note.shape.count();
    check(count >= 0, "a tensor has less than no elements");
    check(static_cast<std::uint64_t>(count) * size_of(note.dtype) == arrival.bytes,
          "a tensor is larger than its message");
    const auto again = lua::encode_note(note);
    check(std::ranges::equal(again.get(), arrival.note), "the note of a tensor changed");
}

void try_form(std::uint8_t form, std::span<const std::uint8_t> bytes) {
    switch (form) {
        case introduction:
            return try_decode(bytes, decode_introduction);
        case answer:
            return try_decode(bytes, decode_answer);
        case outcome:
            return try_decode(bytes, decode_outcome);
        case verdict:
            return try_decode(bytes, decode_verdict);
        case group:
            return try_group(bytes);
        case tree:
            return try_tree(bytes);
        case rendezvous:
            return try_rendezvous(bytes);
        default:
            return try_tensor_note(bytes);
    }
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    seeds.add(introduction, encode(Introduction{{1, 2}, "boot", 3, 4, "host", LinkChoice::memory}));
    seeds.add(answer, encode(Answer{LinkKind::memory, 5, "host", 6, "@door", {7}, "why"}));
    seeds.add(outcome, encode(Outcome{false, "no door"}));
    seeds.add(verdict, encode(Verdict{LinkKind::socket, "why"}));
    seeds.add(group, encode(GroupMessage{true, 1, GroupOffer{1, 3, 1, {1, 2}}}));
    seeds.add(group, encode(GroupMessage{false, 2, GroupReady{}}));
    seeds.add(group, encode(GroupMessage{true, 1, GroupRefused{ErrorCode::system, "why"}}));
    seeds.add(tree, encode(TreeNote(TreeCall{.sequence = 9, .levels = 2})));
    seeds.add(tree, encode(TreeNote(TreeAbort{ErrorCode::timeout, true, "why"})));
    const std::string line = format_rendezvous({{{.host = "127.0.0.1", .port = 8080}, "nonce"},
                                                {.pid = 1, .start_time = 2, .pid_namespace = 3}});
    seeds.add(rendezvous, std::string_view(line));
    lua::Note note{lua::NoteKind::tensor, Dtype::f32, {}};
    note.shape.dims = 2;
    note.shape.sizes[0] = 3;
    note.shape.sizes[1] = 4;
    const auto encoded = lua::encode_note(note);
    Bytes arrived{static_cast<std::uint8_t>(Dtype::f32), 48, 0, 0, 0};
    arrived.insert(arrived.end(), encoded.get().begin(), encoded.get().end());
    seeds.add(tensor_note, arrived);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    try {
        try_form(data[0] % form_count, std::span(data, size).subspan(1));
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a decoder failed for another reason than bytes");
    }
    return 0;
}
