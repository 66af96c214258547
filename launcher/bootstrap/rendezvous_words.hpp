// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is said at a rendezvous, in this order: greeting, arrival, answer.

#include <string>
#include <vector>

#include "base/fields.hpp"

namespace ipcrun {

/// Keeps apart what has the same key: see DialOptions.
constexpr std::string_view rendezvous_purpose = "rendezvous";

/// Of who keeps the list.
struct MeetingWords {
    std::string meeting = {};
};
/// Of each of the others, if it is their meeting.
struct GuestWords {
    std::string meeting = {};
    int rank = 0;
    int size = 0;
    std::string card = {};
};
struct KeeperWords {
    ErrorCode code = ErrorCode::internal;  ///< of the refusal
    std::string refusal = {};              ///< empty: here are the cards
    std::vector<std::string> cards = {};
};

constexpr ErrorCode last_enumerator(ErrorCode) {
    return ErrorCode::internal;
}
template <typename Fields, one_of<MeetingWords> T>
void visit_fields(Fields& fields, T& greeting) {
    fields(greeting.meeting);
}
template <typename Fields, one_of<GuestWords> T>
void visit_fields(Fields& fields, T& arrival) {
    fields(arrival.meeting, arrival.rank, arrival.size, arrival.card);
}
template <typename Fields, one_of<KeeperWords> T>
void visit_fields(Fields& fields, T& answer) {
    fields(answer.code, answer.refusal, answer.cards);
}

template <typename Message>
Bytes encode_words(const Message& message) {
    FieldWriter writer;
    visit_fields(writer, message);
    return writer.take();
}
/// Throws Error{protocol}.
template <typename Message>
Message decode_words(std::span<const std::uint8_t> bytes) {
    Decoder decoder(bytes);
    FieldReader reader(decoder);
    Message message;
    visit_fields(reader, message);
    decoder.end();
    return message;
}

constexpr std::size_t words_bytes_max = 1 << 10;  ///< of a message, beside its cards

}  // namespace ipcrun
