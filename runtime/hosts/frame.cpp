// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/frame.hpp"

#include <cstring>
#include <limits>

#include "base/bytes.hpp"
#include "runtime/dtype.hpp"

namespace ipcrun {

namespace {

constexpr std::uint32_t frame_word = 0x6668'6369;  // "ichf"
constexpr std::uint32_t tag_max = 0x7fff'ffff;

struct Range {
    std::uint64_t min = 0, max = 0;
    bool has(std::uint64_t value) const { return min <= value && value <= max; }
};

// What a kind may have.
struct Form {
    bool has_context = false;
    bool is_described = false;  // by a tag and a dtype
    bool has_number = false;
    Range bytes = {};
};

Form form_of(HostFrameKind kind) {
    switch (kind) {
        case HostFrameKind::message:
            return {true, true, false, {0, host_eager_bytes_max}};
        case HostFrameKind::announcement:
        case HostFrameKind::offer:
            return {true, true, true, {host_eager_bytes_max + 1, host_message_bytes_max}};
        case HostFrameKind::body:
            return {false, false, true, {1, host_piece_bytes_max}};
        case HostFrameKind::request:
        case HostFrameKind::withdrawal:
        case HostFrameKind::arrival:
            return {false, false, true, {}};
        case HostFrameKind::pull:
            return {false, false, true, {0, std::numeric_limits<std::uint64_t>::max()}};
        case HostFrameKind::fabric:
            return {false, false, false, {1, host_fabric_bytes_max}};
        case HostFrameKind::credit:
            return {true, false, false, {1, host_message_bytes_max}};
        case HostFrameKind::held:
        case HostFrameKind::leave:
            return {true, false, false, {}};
        case HostFrameKind::welcome:
        case HostFrameKind::goodbye:
        case HostFrameKind::retreat:
            break;
    }
    return {};
}

}  // namespace

HostFrameBytes encode_host_frame(const HostFrame& frame) {
    HostFrameBytes result;
    std::size_t at = 0;
    // Before every message: without memory.
    const auto append = [&]<WireNumber T>(T value) {
        std::memcpy(result.data() + at, &value, sizeof value);
        at += sizeof value;
    };
    append(frame_word);
    append(frame.kind);
    append(frame.dtype);
    append(std::uint16_t(0));
    append(frame.context);
    append(frame.tag);
    append(frame.number);
    append(frame.bytes);
    check(at == result.size(), "a frame between hosts has another size");
    return result;
}

HostFrame decode_host_frame(std::span<const std::uint8_t, host_frame_bytes> bytes) {
    Decoder in(bytes);
    HostFrame frame;
    const auto word = in.number<std::uint32_t>();
    const auto kind = in.number<std::uint8_t>();
    frame.dtype = in.number<std::uint8_t>();
    const auto nothing = in.number<std::uint16_t>();
    frame.context = in.number<std::uint32_t>();
    frame.tag = in.number<std::uint32_t>();
    frame.number = in.number<std::uint64_t>();
    frame.bytes = in.number<std::uint64_t>();
    if (word != frame_word || nothing != 0 || kind >= host_frame_kind_count)
        fail(ErrorCode::protocol, "the stream is out of step: no frame begins where one should");
    frame.kind = static_cast<HostFrameKind>(kind);
    const Form form = form_of(frame.kind);
    if (!form.bytes.has(frame.bytes))
        fail(ErrorCode::protocol, "a frame of kind {} with {} bytes", kind, frame.bytes);
    if (form.is_described) {
        if (frame.tag > tag_max || frame.dtype >= dtype_count)
            fail(ErrorCode::protocol, "a message with tag {} and dtype {}", frame.tag, frame.dtype);
        if (frame.bytes % size_of(Dtype(frame.dtype)) != 0)
            fail(ErrorCode::protocol, "a message of {} bytes of {}", frame.bytes,
                 name_of(Dtype(frame.dtype)));
    } else if (frame.tag != 0 || frame.dtype != 0) {
        fail(ErrorCode::protocol, "a frame that is no message, with what messages have");
    }
    if ((!form.has_context && frame.context != 0) || form.has_number != (frame.number != 0))
        fail(ErrorCode::protocol, "a frame of kind {} for communicator {} with number {}", kind,
             frame.context, frame.number);
    return frame;
}

}  // namespace ipcrun
