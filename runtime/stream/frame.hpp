// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What stands before each message on a stream.

#include <array>
#include <cstdint>
#include <span>

namespace ipcrun {

/// The note, see Link::send. So much is read before it is known what for.
constexpr std::size_t note_bytes_max = 1024;
/// Whatever is longer is a lie: 2^50 bytes.
constexpr std::uint64_t message_bytes_max = std::uint64_t(1) << 50;

/// A sender is at most a lag ahead of what it has been told was received. What goes beyond waits as
/// an offer until there is room, or until the receiver asks for it.
enum class FrameKind : std::uint8_t {
    message,   ///< header, note, body
    goodbye,   ///< the sender closes in good order
    offer,     ///< a message whose body is not here yet: header, note. One at a time
    body,      ///< header, body: of the offer
    withdraw,  ///< the offer is no more; `body_bytes`: which one, counted from 1
    stay,      ///< the sender of the offer waits without a deadline
    accept,    ///< the receiver wants the body of an offer; `body_bytes`: of which one
    received,  ///< `body_bytes` that count for the lag have been received
};
constexpr int frame_kind_count = 8;

/// Has the kind a tag, a dtype and (if it is no body) a note? Else they are 0.
constexpr bool describes_message(FrameKind kind) {
    return kind == FrameKind::message || kind == FrameKind::offer || kind == FrameKind::body;
}

struct FrameHeader {
    FrameKind kind = FrameKind::message;
    std::uint8_t dtype = 0;  ///< a Dtype
    std::uint32_t tag = 0;   ///< 2^31 - 1 at most
    std::uint16_t note_bytes = 0;
    std::uint64_t body_bytes = 0;
    bool operator==(const FrameHeader&) const = default;
};

constexpr std::size_t frame_header_bytes = 24;
using FrameHeaderBytes = std::array<std::uint8_t, frame_header_bytes>;

/// Begins with a fixed word, so that a stream that has lost its step is found out.
FrameHeaderBytes encode_frame_header(const FrameHeader& header);
/// Throws Error{protocol} for what encode_frame_header() does not make.
FrameHeader decode_frame_header(std::span<const std::uint8_t, frame_header_bytes> bytes);

}  // namespace ipcrun
