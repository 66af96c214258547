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
///                     OpenQueue       the queue of that name, which all ranks share
///     agent -> rank   QueueOpened     with one descriptor: its memory (queue_memory.hpp)
///                     QueueRefused    why not

#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.hpp"

namespace ipcrun {

constexpr std::uint32_t worker_protocol_version = 3;

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

constexpr std::size_t queue_name_bytes_max = 255;
/// Made at the first request, with that capacity, and kept until the job ends: what a rank wrote
/// can be read when it has ended.
struct OpenQueue {
    std::uint32_t id = 0;  ///< of the request, chosen by the rank; the answer has it, too
    std::string name;
    std::uint64_t capacity = 0;  ///< 0: no limit
};
struct QueueOpened {
    std::uint32_t id = 0;
};
struct QueueRefused {
    std::uint32_t id = 0;
    std::string reason;
};

using WorkerMessage =
    std::variant<Join, Joined, Refused, Report, Leave, Fence, OpenQueue, QueueOpened, QueueRefused>;

/// The text of a report is cut to fit a packet.
Bytes encode(const WorkerMessage& message);

/// Throws Error{protocol} for bytes that `encode` cannot have made.
WorkerMessage decode_worker_message(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
