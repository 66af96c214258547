// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a process that starts children and the agent that it started for them (ipcrun-agent) say to
/// each other over the agent's descriptor 3: one message a packet. A child speaks to the agent as a
/// rank does (worker_protocol.hpp); it is rank 1 of a world of two, its parent is rank 0.
///
///     parent -> agent   Hello       first of all, with one descriptor: the parent's doorbell
///                       Spawn       start a program, with one descriptor: the parent's working
///                                   directory; `id` is the parent's number for the child
///     agent -> parent   Spawned     with two descriptors: control segment and shared heap of the
///                                   two; the child has been started, and nothing more is known
///                       NotSpawned  why not
///                       ChildEnded  once for each that was spawned, before the end is marked in
///                                   the control segment
///     parent -> agent   SignalChild to the child's process group; nothing where it has ended
///                       CloseAll    TERM to all children and their descendants, KILL after the
///                                   grace
///     agent -> parent   Closed      nobody is left; more may be spawned
///
/// When the parent is gone (its end of the socket, or the process), the agent ends all its
/// descendants within a second, and exits.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/wire/control_segment.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

constexpr std::uint32_t family_protocol_version = 2;
/// The longest Spawn: what fits into a packet.
constexpr std::size_t spawn_bytes_max = 60 << 10;

struct Hello {
    std::uint32_t version = family_protocol_version;
    std::int32_t pid = 0;  ///< of the parent
};
struct Spawn {
    std::uint32_t id = 0;
    std::string program = {};                   ///< path, or a name that is searched for in PATH
    std::vector<std::string> argv = {};         ///< argv[0] included
    std::vector<std::string> environment = {};  ///< "NAME=value": beside what the agent inherited
    JobSecret secret = {};                      ///< for the child's control segment; zeros: none
};
struct SignalChild {
    std::uint32_t id = 0;
    std::int32_t number = 0;
};
struct CloseAll {
    std::uint32_t grace_ms = 0;
};

struct Spawned {
    std::uint32_t id = 0;
    std::int32_t pid = 0;
};
struct NotSpawned {
    std::uint32_t id = 0;
    std::string reason = {};
};
struct ChildEnded {
    std::uint32_t id = 0;
    std::int32_t wait_status = 0;  ///< as waitpid(2) gives it
    bool out_of_memory = false;    ///< killed by the kernel for want of memory
    std::string report = {};       ///< error and traceback, when it sent a Report
};
struct Closed {
    std::uint32_t survivors = 0;  ///< that could not be killed
};

using ToFamilyAgent = std::variant<Hello, Spawn, SignalChild, CloseAll>;
using ToParent = std::variant<Spawned, NotSpawned, ChildEnded, Closed>;

/// A report is cut to fit a packet; a Spawn beyond spawn_bytes_max throws Error{usage}.
Bytes encode(const ToFamilyAgent& message);
Bytes encode(const ToParent& message);

/// Both throw Error{protocol} for bytes that `encode` cannot have made.
ToFamilyAgent decode_to_family_agent(std::span<const std::uint8_t> bytes);
ToParent decode_to_parent(std::span<const std::uint8_t> bytes);

/// The environment variable by which a child knows its socket to the agent.
constexpr const char* parent_fd_variable = "IPCRUN_PARENT_FD";

}  // namespace ipcrun
