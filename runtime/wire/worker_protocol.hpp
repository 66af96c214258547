// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a rank and its agent say to each other over the control socket (IPCRUN_CONTROL_FD): one
/// message a packet. A rank that never speaks is an ordinary program.
///
///     rank -> agent   Join            once, before anything else
///     agent -> rank   Joined          with two descriptors: control segment, shared heap; and
///                                     a third for a child of a family: its parent's doorbell
///                     Refused         why not
///     rank -> agent   Report          an error that ends the program, for people to read
///                     Fence           end that rank: it has stopped where others wait for it
///                     Leave           a clean end: peers get an error if they still count on it

#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.hpp"

namespace ipcrun {

constexpr std::uint32_t worker_protocol_version = 2;

struct Join {
    std::uint32_t version = worker_protocol_version;
    std::int32_t pid = 0;
};
struct Joined {};
struct Refused {
    std::string reason;
};
struct Report {
    enum class Kind : std::uint8_t {
        load_error,     ///< the script does not exist or does not compile
        runtime_error,  ///< an error that nobody caught
        peer_error,     ///< an uncaught error that only tells of another rank's end
    };
    Kind kind = Kind::runtime_error;
    std::string text;  ///< message and traceback, without a newline at the end
};
struct Leave {};
/// Asked by a rank that has given up, when another has not let go of peers' memory for long: it was
/// stopped, or hangs in the kernel. Any number of ranks may ask. The agent kills that rank and
/// marks it as failed, or refuses what makes no sense.
struct Fence {
    std::int32_t rank = 0;  ///< in the world
};

using WorkerMessage = std::variant<Join, Joined, Refused, Report, Leave, Fence>;

/// The text of a report is cut to fit a packet.
Bytes encode(const WorkerMessage& message);

/// Throws Error{protocol} for bytes that `encode` cannot have made.
WorkerMessage decode_worker_message(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
