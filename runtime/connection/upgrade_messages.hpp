// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the two ends of a new connection say to each other, once they trust each other, to find the
/// fastest link: bytes that come and go. Who says what when is in docs/DESIGN.md, Connections.

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/fields.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/connection/door_handshake.hpp"
#include "runtime/connection/neighbourhood_id.hpp"

namespace ipcrun {

/// Whatever is longer is a lie.
constexpr std::size_t upgrade_message_bytes_max = 2048;
/// Of a text within: longer ones are cut.
constexpr std::size_t upgrade_text_bytes_max = 256;

/// The client, first of all.
struct Introduction {
    NeighbourhoodId neighbourhood{};
    std::string boot_id;  ///< of its kernel; empty: not known
    std::uint32_t pid = 0;
    std::uint32_t uid = 0;
    std::string host;
    LinkChoice choice = LinkChoice::fastest;
    bool operator==(const Introduction&) const = default;
};

/// The server: which link it shall be.
struct Answer {
    LinkKind kind = LinkKind::socket;
    std::uint32_t pid = 0;  ///< of the server
    std::string host;
    std::uint64_t token = 0;  ///< process: of the client's end
    std::string door;         ///< memory: its name
    Ticket ticket{};          ///< memory: to be shown there
    std::string reason;       ///< socket: why
    bool operator==(const Answer&) const = default;
};

/// The client: does it have its end? Not said where the answer is a socket.
struct Outcome {
    bool has_end = false;
    std::string obstacle;  ///< if not: what was in the way
    bool operator==(const Outcome&) const = default;
};

/// The server: what it shall be in the end, the same for both.
struct Verdict {
    LinkKind kind = LinkKind::socket;
    std::string reason;
    bool operator==(const Verdict&) const = default;
};

Bytes encode(const Introduction& message);
Bytes encode(const Answer& message);
Bytes encode(const Outcome& message);
Bytes encode(const Verdict& message);

/// Whatever the bytes are, an Error{protocol} or a message whose texts are short, and can be shown:
/// what cannot be printed has become '?'.
Introduction decode_introduction(std::span<const std::uint8_t> bytes);
Answer decode_answer(std::span<const std::uint8_t> bytes);
Outcome decode_outcome(std::span<const std::uint8_t> bytes);
Verdict decode_verdict(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
