// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/group_messages.hpp"

#include "base/fail.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

enum class Mark : std::uint8_t { offer = 'o', ready = 'y', refused = 'n' };

GroupOffer decode_offer(Decoder& decoder) {
    GroupOffer offer;
    offer.rank = decoder.number<std::int32_t>();
    offer.size = decoder.number<std::int32_t>();
    offer.memory = decoder.number<std::uint32_t>();
    offer.fellows =
        decoder.list<std::int32_t>([](Decoder& from) { return from.number<std::int32_t>(); });
    if (offer.size > node_ranks_max || offer.rank < 1 || offer.rank >= offer.size)
        fail(ErrorCode::protocol, "read the offer of a group: rank {} of {} makes no sense",
             offer.rank, offer.size);
    for (const std::int32_t fellow : offer.fellows)
        if (fellow < 1 || fellow >= offer.size)
            fail(ErrorCode::protocol, "read the offer of a group: it has no rank {}", fellow);
    return offer;
}

GroupRefused decode_refused(Decoder& decoder) {
    const auto code = decoder.number<std::uint8_t>();
    if (code > static_cast<std::uint8_t>(ErrorCode::internal))
        fail(ErrorCode::protocol, "read the refusal of a group: there is no error {}", code);
    return {static_cast<ErrorCode>(code), decoder.string()};
}

}  // namespace

Bytes encode(const GroupMessage& message) {
    Encoder encoder;
    encoder.number(message.is_founders);
    encoder.number(message.attempt);
    if (const auto* offer = std::get_if<GroupOffer>(&message.word)) {
        encoder.number(Mark::offer);
        encoder.number(offer->rank);
        encoder.number(offer->size);
        encoder.number(offer->memory);
        encoder.list(offer->fellows, [](Encoder& to, std::int32_t rank) { to.number(rank); });
    } else if (const auto* refused = std::get_if<GroupRefused>(&message.word)) {
        encoder.number(Mark::refused);
        encoder.number(static_cast<std::uint8_t>(refused->code));
        encoder.string(refused->reason);
    } else {
        encoder.number(Mark::ready);
    }
    return encoder.take();
}

GroupMessage decode_group_message(std::span<const std::uint8_t> bytes) {
    Decoder decoder(bytes);
    GroupMessage message;
    message.is_founders = decoder.boolean();
    message.attempt = decoder.number<std::uint32_t>();
    switch (decoder.number<Mark>()) {
        case Mark::offer:
            message.word = decode_offer(decoder);
            break;
        case Mark::refused:
            message.word = decode_refused(decoder);
            break;
        case Mark::ready:
            break;
        default:
            fail(ErrorCode::protocol, "read a message about a group: there is no such kind");
    }
    decoder.end();
    return message;
}

}  // namespace ipcrun
