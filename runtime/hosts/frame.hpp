// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What stands before everything that two ranks on different hosts say to each other.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ipcrun {

/// Longer messages are announced, and sent when they are asked for.
constexpr std::size_t host_eager_bytes_max = 64 << 10;
/// So much of a body at a time, so that what is short comes between.
constexpr std::size_t host_piece_bytes_max = 256 << 10;
/// How a rank is reached by a fabric, and by which.
constexpr std::size_t host_fabric_bytes_max = 512;
/// Whatever is longer is a lie: 2^50 bytes.
constexpr std::uint64_t host_message_bytes_max = std::uint64_t(1) << 50;

enum class HostFrameKind : std::uint8_t {
    welcome,       ///< the first one, of who was dialled: this stream is the one that stays
    message,       ///< its body of `bytes` follows
    announcement,  ///< of a message of `bytes`; `number` counts them on this stream, from 1
    request,       ///< for the body of announcement `number`
    body,          ///< the next `bytes` of the body of announcement `number` follow
    withdrawal,    ///< announcement `number` is no more
    credit,        ///< `bytes` that count for the lag of `context` have been received
    held,          ///< the sender waits for credit of `context`
    leave,         ///< the mailbox of `context` is closed: nobody there sends or receives
    goodbye,       ///< the process closes in good order
    fabric,        ///< `bytes` follow: how this rank is reached by its fabric, and by which
    offer,         ///< an announcement of what may also be pulled
    pull,          ///< the body of `number` is wanted by fabric; its tag is in `bytes`
    arrival,       ///< the body that was pulled by `number` has come
    retreat,       ///< this rank uses its fabric no more, with this peer
};
constexpr int host_frame_kind_count = 15;

/// Do `bytes` of a body come with it?
constexpr bool brings_body(HostFrameKind kind) {
    return kind == HostFrameKind::message || kind == HostFrameKind::fabric;
}

/// What a kind has no use for is 0.
struct HostFrame {
    HostFrameKind kind = HostFrameKind::welcome;
    std::uint8_t dtype = 0;     ///< a Dtype
    std::uint32_t context = 0;  ///< which communicator
    std::uint32_t tag = 0;      ///< 2^31 - 1 at most
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    bool operator==(const HostFrame&) const = default;
};

constexpr std::size_t host_frame_bytes = 32;
using HostFrameBytes = std::array<std::uint8_t, host_frame_bytes>;

/// Begins with a fixed word, so that a stream that has lost its step is found out.
HostFrameBytes encode_host_frame(const HostFrame& frame);
/// Throws Error{protocol} for what encode_host_frame() does not make of a correct frame.
HostFrame decode_host_frame(std::span<const std::uint8_t, host_frame_bytes> bytes);

}  // namespace ipcrun
