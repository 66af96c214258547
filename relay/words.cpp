// SPDX-License-Identifier: Apache-2.0
#include "relay/words.hpp"

#include "base/fail.hpp"
#include "base/fields.hpp"

namespace ipcrun {

template <typename Fields, one_of<Begun, NotBegun, ChildOver, Signalled, Taken> T>
static void visit_fields(Fields& fields, T& word) {
    if constexpr (one_of<T, Begun>) fields(word.pid);
    if constexpr (one_of<T, NotBegun>) fields(word.reason);
    if constexpr (one_of<T, ChildOver>) fields(word.wait_status, word.out_of_memory, word.report);
    if constexpr (one_of<T, Signalled>) fields(word.number);
    if constexpr (one_of<T, Taken>) fields(word.bytes);
}

namespace {

template <std::size_t index = 0>
RelayWord read_as(std::size_t wanted, FieldReader& reader) {
    if constexpr (index == std::variant_size_v<RelayWord>) {
        fail(ErrorCode::protocol, "decode: no word between relays has the number {}", wanted);
    } else {
        if (wanted != index) return read_as<index + 1>(wanted, reader);
        std::variant_alternative_t<index, RelayWord> word;
        reader(word);
        return word;
    }
}

}  // namespace

Bytes encode(const RelayWord& word) {
    FieldWriter out;
    out(static_cast<std::uint8_t>(word.index()));
    std::visit([&out](const auto& body) { out(body); }, word);
    return out.take();
}

RelayWord decode_relay_word(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    FieldReader reader(in);
    RelayWord word = read_as(in.number<std::uint8_t>(), reader);
    in.end();
    return word;
}

}  // namespace ipcrun
