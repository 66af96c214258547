// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/upgrade_messages.hpp"

#include <algorithm>

namespace ipcrun {

// The first byte says which it is, so that ends that are out of step find out.
static constexpr std::uint8_t number_of(const Introduction&) {
    return 'I';
}
static constexpr std::uint8_t number_of(const Answer&) {
    return 'A';
}
static constexpr std::uint8_t number_of(const Outcome&) {
    return 'O';
}
static constexpr std::uint8_t number_of(const Verdict&) {
    return 'V';
}

static constexpr LinkChoice last_enumerator(LinkChoice) {
    return LinkChoice::socket;
}
static constexpr LinkKind last_enumerator(LinkKind) {
    return LinkKind::socket;
}

template <typename Fields, one_of<Introduction> T>
static void visit_fields(Fields& fields, T& message) {
    fields(message.neighbourhood[0], message.neighbourhood[1], message.boot_id, message.pid,
           message.uid, message.host, message.choice);
}

template <typename Fields, one_of<Answer> T>
static void visit_fields(Fields& fields, T& message) {
    fields(message.kind, message.pid, message.host, message.token, message.door);
    for (auto& byte : message.ticket) fields(byte);
    fields(message.reason);
}

template <typename Fields, one_of<Outcome> T>
static void visit_fields(Fields& fields, T& message) {
    fields(message.has_end, message.obstacle);
}

template <typename Fields, one_of<Verdict> T>
static void visit_fields(Fields& fields, T& message) {
    fields(message.kind, message.reason);
}

namespace {

void tame(std::string& text) {
    text.resize(std::min(text.size(), upgrade_text_bytes_max));
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
}

void tame_texts(Introduction& message) {
    tame(message.boot_id);
    tame(message.host);
}

void tame_texts(Answer& message) {
    tame(message.host);
    tame(message.door);
    tame(message.reason);
}

void tame_texts(Outcome& message) {
    tame(message.obstacle);
}

void tame_texts(Verdict& message) {
    tame(message.reason);
}

template <typename Message>
Bytes encode_message(Message message) {
    tame_texts(message);
    FieldWriter out;
    out(number_of(message), message);
    return out.take();
}

template <typename Message>
Message decode_message(std::span<const std::uint8_t> bytes) {
    Message message;
    if (bytes.size() > upgrade_message_bytes_max)
        fail(ErrorCode::protocol, "decode: {} bytes for a message of an upgrade", bytes.size());
    Decoder decoder(bytes);
    if (decoder.number<std::uint8_t>() != number_of(message))
        fail(ErrorCode::protocol, "decode: another message of an upgrade was expected");
    FieldReader in(decoder);
    in(message);
    decoder.end();
    tame_texts(message);
    return message;
}

}  // namespace

Bytes encode(const Introduction& message) {
    return encode_message(message);
}
Bytes encode(const Answer& message) {
    return encode_message(message);
}
Bytes encode(const Outcome& message) {
    return encode_message(message);
}
Bytes encode(const Verdict& message) {
    return encode_message(message);
}

Introduction decode_introduction(std::span<const std::uint8_t> bytes) {
    return decode_message<Introduction>(bytes);
}
Answer decode_answer(std::span<const std::uint8_t> bytes) {
    return decode_message<Answer>(bytes);
}
Outcome decode_outcome(std::span<const std::uint8_t> bytes) {
    return decode_message<Outcome>(bytes);
}
Verdict decode_verdict(std::span<const std::uint8_t> bytes) {
    return decode_message<Verdict>(bytes);
}

}  // namespace ipcrun
