// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/frame.hpp"

#include <cstring>

#include "base/bytes.hpp"

namespace ipcrun {

namespace {

constexpr std::uint32_t frame_word = 0x7266'6369;  // "icfr"
constexpr std::uint32_t tag_max = 0x7fff'ffff;

}  // namespace

FrameHeaderBytes encode_frame_header(const FrameHeader& header) {
    FrameHeaderBytes result;
    std::size_t at = 0;
    // Before every message: without memory.
    const auto append = [&]<WireNumber T>(T value) {
        std::memcpy(result.data() + at, &value, sizeof value);
        at += sizeof value;
    };
    append(frame_word);
    append(header.kind);
    append(header.dtype);
    append(header.note_bytes);
    append(header.tag);
    append(std::uint32_t(0));
    append(header.body_bytes);
    check(at == result.size(), "a frame header has another size");
    return result;
}

FrameHeader decode_frame_header(std::span<const std::uint8_t, frame_header_bytes> bytes) {
    Decoder in(bytes);
    FrameHeader header;
    const auto word = in.number<std::uint32_t>();
    const auto kind = in.number<std::uint8_t>();
    header.dtype = in.number<std::uint8_t>();
    header.note_bytes = in.number<std::uint16_t>();
    header.tag = in.number<std::uint32_t>();
    const auto nothing = in.number<std::uint32_t>();
    header.body_bytes = in.number<std::uint64_t>();
    if (word != frame_word || nothing != 0 || kind >= frame_kind_count)
        fail(ErrorCode::protocol, "the stream is out of step: no message begins where one should");
    header.kind = static_cast<FrameKind>(kind);
    if (header.tag > tag_max || header.note_bytes > note_bytes_max ||
        header.body_bytes > message_bytes_max)
        fail(ErrorCode::protocol, "a message of {} bytes, a note of {}, tag {}: too large",
             header.body_bytes, header.note_bytes, header.tag);
    const bool is_described = describes_message(header.kind);
    if (!is_described && (header.dtype != 0 || header.tag != 0 || header.note_bytes != 0))
        fail(ErrorCode::protocol, "a frame that is no message, with what messages have");
    if (header.kind == FrameKind::body && header.note_bytes != 0)
        fail(ErrorCode::protocol, "a body with a note");
    const bool is_bare = header.kind == FrameKind::goodbye || header.kind == FrameKind::stay;
    if (is_bare && header.body_bytes != 0)
        fail(ErrorCode::protocol, "a frame with more behind it than it has");
    return header;
}

}  // namespace ipcrun
