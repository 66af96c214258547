// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the launcher and the agent of a node say to each other, one message a frame. Nothing in it
/// depends on how the two are connected. Ranks in it are those of the agent's host, from 0.
///
///     launcher -> agent   Prepare      first of all: look what the node is
///     agent -> launcher   Ready        this
///     launcher -> agent   Launch       start these ranks
///     agent -> launcher   LaunchRefused  none of them can be started here
///                         Started or SpawnFailed for each of them, in rank order; no rank is tried
///                         after one that failed
///                         Output, RankReport, Ended as they happen
///                         FromHost, HostLost  of a host that it has adopted
///                         Listening    where its ranks are found by those on other hosts
///                         Terminated   by a batch system, in whose step the agent is
///                         InputTaken   so much input has been passed on, send more
///     launcher -> agent   Adopt        start agents on these hosts, and pass on: ForHost
///                         Consumed     so much output has been written, send more
///                         Input        for the rank that gets standard input
///                         JobDirectory all ranks, so that those of several hosts can join
///                         RankEnded    one on another host
///                         Signal, Kill
///                         Finish       the job is over: sweep, tell the rest of the output
///     agent -> launcher   Done         nothing is left; the agent exits
///
/// An agent that cannot go on sends Failed and exits. Either side sweeps when the other is gone:
/// when the connection ends, and, over a network, when nothing has come for Prepare::silence_max.
/// Who has nothing else to say for a third of that says Alive.
///
/// An agent that is reached by other people's programs (ssh, a login shell that prints) says
/// `agent_greeting` first: what comes before it is theirs.

#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "launcher/hosts/addresses.hpp"
#include "runtime/wire/job_table.hpp"
#include "runtime/wire/worker_protocol.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun {

/// The longest frame: a Launch for the largest job with a full environment.
constexpr std::size_t frame_bytes_max = 64 << 20;
/// Bytes of one stream (all ranks together) that the agent may send ahead of Consumed.
constexpr std::size_t output_window_bytes = 1 << 20;
/// Bytes of Input that the launcher may send ahead of InputTaken.
constexpr std::size_t input_window_bytes = 1 << 18;
/// The version is the digit in it: who hears another one knows what to say about it.
constexpr std::string_view agent_greeting = "\nipcrun-agent 5\n";
constexpr std::size_t before_greeting_max = 1 << 16;

enum class Stream : std::uint8_t { out, err };

struct Prepare {
    bool devices = false;    ///< look for GPUs and NICs, too, which takes some ms
    bool is_remote = false;  ///< the agent was started over the network
    double silence_max = 0;  ///< seconds; 0: no limit
    std::string interface =
        {};  ///< whose address the host is to be reached at; empty: by the route
};
struct Ready {
    topology::Machine machine;
    Route route = {};
    std::string switches = {};  ///< above its host: see own_switches()
};

/// A host whose agent is to be started.
struct Adoption {
    std::int32_t host = -1;  ///< its number in the job
    std::string name;
    std::string agent_path;  ///< of ipcrun there
};
struct Adopt {
    std::vector<Adoption> hosts = {};
    std::vector<std::string> ssh_arguments = {};
    Prepare prepare = {};
    double start_seconds = 0;  ///< until each has said Ready
    std::int32_t fan_out = 1;  ///< how many one process starts
};
/// A frame on its way to or from a host that the agent has adopted.
struct ForHost {
    std::int32_t host = 0;
    std::string frame;
};
struct FromHost {
    std::int32_t host = 0;
    std::string frame;
};
struct HostLost {
    std::int32_t host = 0;
    std::string why;
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
    std::string program = {};            ///< path; empty: what argv names is found by the agent
    std::vector<std::string> argv = {};  ///< argv[0] included
    std::vector<std::string>
        environment;  ///< "NAME=value", of all ranks; none is in a RankSpec too
    /// Names of variables that are the agent's: they are not in `environment`.
    std::vector<std::string> own_variables = {};
    std::string directory = {};             ///< empty: the agent's
    std::vector<int> ignored_signals = {};  ///< that workers inherit as ignored
    std::int32_t stdin_rank = no_rank;      ///< rank that gets standard input
    bool stdin_is_sent = false;             ///< as Input; else it is the agent's descriptor 0
    std::int32_t terminal_group = 0;  ///< process group for that rank, when it is a terminal's
    bool whole_lines = true;          ///< false: pass output on as it comes
    std::uint64_t arena_bytes = 0;    ///< of the shared heap, per rank
    std::int32_t usable_cpus = 1;     ///< that the ranks share
    std::string address = {};    ///< to listen at for ranks on other hosts; empty: there are none
    std::int32_t job_ranks = 0;  ///< on all hosts together
    JobSecret secret = {};       ///< of the job, the same on all hosts
    std::vector<RankSpec> ranks = {};
};

struct Input {
    std::string data;  ///< empty: the end
};
struct Listening {
    std::vector<std::string> addresses = {};  ///< by rank: "10.0.0.2:4711"
};
/// Of the job.
struct RankEnded {
    std::int32_t rank = 0;
    std::int32_t wait_status = 0;  ///< as waitpid(2) gives it, or host_lost_status
};
struct InputTaken {
    std::uint32_t bytes = 0;
    bool is_last = false;  ///< nobody reads it any more
};
struct Alive {};

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

struct LaunchRefused {
    bool is_users = false;  ///< a mistake of the user's: a program or directory that is not there
    std::string reason;
};
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
    bool is_users = false;  ///< an option asks for what the host does not have
};
struct Done {
    std::uint32_t survivors = 0;  ///< descendants that could not be killed
};
/// A batch system ends the job: the ranks have got SIGTERM from it, and it kills them in its time.
struct Terminated {};

using ToAgent = std::variant<Prepare, Adopt, ForHost, Launch, Input, Consumed, JobDirectory,
                             RankEnded, Signal, Kill, Finish, Alive>;
using ToLauncher =
    std::variant<Ready, FromHost, HostLost, LaunchRefused, Started, SpawnFailed, Listening,
                 InputTaken, Output, RankReport, Ended, Failed, Done, Alive, Terminated>;

Bytes encode(const ToAgent& message);
Bytes encode(const ToLauncher& message);

/// Both throw Error{protocol} for bytes that `encode` cannot have made.
ToAgent decode_to_agent(std::span<const std::uint8_t> bytes);
ToLauncher decode_to_launcher(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
