// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the launcher and the agent of a node say to each other, one message a frame. Nothing in it
/// depends on how the two are connected.
///
///     agent -> launcher   Ready        first of all: what the node is
///     launcher -> agent   Launch       start these ranks
///     agent -> launcher   Started or SpawnFailed for each of them, in rank order; no rank is tried
///                         after one that failed
///                         Output, RankReport, Ended as they happen
///     launcher -> agent   Consumed     so much output has been written, send more
///                         Signal, Kill
///                         Finish       the job is over: sweep, tell the rest of the output
///     agent -> launcher   Done         nothing is left; the agent exits
///
/// An agent that cannot go on sends Failed and exits. Either side sweeps when the other is gone.

#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/wire/worker_protocol.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun {

constexpr std::uint32_t agent_protocol_version = 2;
/// The longest frame: a Launch for the largest job with a full environment.
constexpr std::size_t frame_bytes_max = 64 << 20;
/// Bytes of one stream (all ranks together) that the agent may send ahead of Consumed.
constexpr std::size_t output_window_bytes = 1 << 20;

enum class Stream : std::uint8_t { out, err };

struct Ready {
    std::uint32_t version = agent_protocol_version;
    topology::Machine machine;
};

constexpr int no_rank = -1;

/// What differs from rank to rank.
struct RankSpec {
    std::vector<int> cpus = {};          ///< empty: not bound
    std::vector<int> memory_nodes = {};  ///< empty: any
    int threads = 1;
    std::vector<std::string> environment = {};  ///< "NAME=value", beside Launch::environment
    topology::Spot spot = {};                   ///< what it is bound within
    std::int32_t tree_parent = no_rank;         ///< in the tree of the world; no_rank: its root
};

struct Launch {
    std::string program = {};            ///< path
    std::vector<std::string> argv = {};  ///< argv[0] included
    std::vector<std::string>
        environment;             ///< "NAME=value", of all ranks; none is in a RankSpec too
    std::string directory = {};  ///< empty: the agent's
    std::vector<int> ignored_signals = {};  ///< that workers inherit as ignored
    std::int32_t stdin_rank = no_rank;      ///< rank that gets the agent's descriptor 0
    std::int32_t terminal_group = 0;  ///< process group for that rank, when it is a terminal's
    bool whole_lines = true;          ///< false: pass output on as it comes
    std::uint64_t arena_bytes = 0;    ///< of the shared heap, per rank
    std::int32_t usable_cpus = 1;     ///< that the ranks share
    std::vector<RankSpec> ranks = {};
};

struct Consumed {
    Stream stream = Stream::out;
    std::uint32_t bytes = 0;
};
/// To the process groups of all workers that run.
struct Signal {
    std::int32_t number = 0;
};
/// Kills every descendant of the agent.
struct Kill {};
struct Finish {};

struct Started {
    std::int32_t rank = 0;
    std::int32_t pid = 0;
};
struct SpawnFailed {
    std::int32_t rank = 0;
    std::string reason;
};
struct Output {
    std::int32_t rank = 0;
    Stream stream = Stream::out;
    std::string data;
};
struct RankReport {
    std::int32_t rank = 0;
    Report::Kind kind = Report::Kind::runtime_error;
    std::string text;
};
struct Ended {
    std::int32_t rank = 0;
    std::int32_t pid = 0;
    std::int32_t wait_status = 0;  ///< as waitpid(2) gives it
    bool out_of_memory = false;    ///< killed by the kernel for want of memory
    bool fenced = false;           ///< killed by the agent: it had stopped while others waited
};
struct Failed {
    std::string reason;
};
struct Done {
    std::uint32_t survivors = 0;  ///< descendants that could not be killed
};

using ToAgent = std::variant<Launch, Consumed, Signal, Kill, Finish>;
using ToLauncher =
    std::variant<Ready, Started, SpawnFailed, Output, RankReport, Ended, Failed, Done>;

Bytes encode(const ToAgent& message);
Bytes encode(const ToLauncher& message);

/// Both throw Error{protocol} for bytes that `encode` cannot have made.
ToAgent decode_to_agent(std::span<const std::uint8_t> bytes);
ToLauncher decode_to_launcher(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
