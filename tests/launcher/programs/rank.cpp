// SPDX-License-Identifier: Apache-2.0
// A rank that speaks the worker protocol and then misbehaves as told:
//   rank join|leave|twice|version|report KIND TEXT|silent   each may be followed by `exit STATUS`,
//   `wait FD_OF_NOTHING` is spelled `pause`. `peers` prints how the segment says the others are,
//   `settle` waits until they have joined, `locality` prints where this one is bound,
//   `secret` the job's. `fence RANK` asks for the end of another, `answer` prints what the agent
//   says to it.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "base/socket.hpp"
#include "runtime/wire/control_segment.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/worker_protocol.hpp"

using namespace ipcrun;

namespace {

struct Rank {
    RankEnvironment place = *RankEnvironment::read();
    Packet answer;

    void send(const WorkerMessage& message) {
        (void)send_packet(place.control_fd, encode(message));
    }
    void receive() {
        if (receive_packet(place.control_fd, answer) != PacketResult::received) std::exit(99);
        const WorkerMessage message = decode_worker_message(answer.bytes);
        if (const auto* refused = std::get_if<Refused>(&message))
            fmt::print("refused: {}\n", refused->reason);
        else
            fmt::print("joined, {} descriptors\n", answer.fds.size());
        std::fflush(stdout);
    }
    void join(Join join) {
        send(join);
        receive();
    }
    // Waits until all others have joined.
    void settle() {
        const ControlSegment segment(answer.fds.at(0).get());
        for (int other = 0; other < place.size; ++other)
            while (segment.rank(other).state.load() == RankState::absent) ::sched_yield();
    }
    void tell_locality() {
        const ControlSegment segment(answer.fds.at(0).get());
        const RankSlot& own = segment.rank(place.rank);
        fmt::print("numa {}, cache {}\n", own.place.numa, own.place.last_level_cache);
    }
    void tell_secret() {
        const ControlSegment segment(answer.fds.at(0).get());
        for (const std::uint8_t byte : segment.secret().value_or(JobSecret{}))
            fmt::print("{:02x}", byte);
        fmt::print("\n");
        std::fflush(stdout);
    }
    // Waits until all others have ended or left, and tells how.
    void watch_peers() {
        const ControlSegment segment(answer.fds.at(0).get());
        std::atomic<std::uint32_t> nothing = 0;
        for (int rank = 0; rank < place.size; ++rank) {
            if (rank == place.rank) continue;
            RankSlot& slot = segment.rank(rank);
            while (slot.state.load() <= RankState::joined) {
                const std::uint32_t seen = segment.header().alert.load();
                if (slot.state.load() > RankState::joined) break;
                futex_wait_either(segment.header().alert, seen, nothing, 0,
                                  Deadline::after(Seconds(5)));
            }
            fmt::print("rank {} is in state {}, {}\n", rank, static_cast<int>(slot.state.load()),
                       describe_wait_status(slot.wait_status.load()));
        }
        std::fflush(stdout);
    }
};

}  // namespace

int main(int argc, char** argv) {
    Rank rank;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "join") rank.join({.pid = ::getpid()});
        if (word == "version") rank.join({.version = 77, .pid = ::getpid()});
        if (word == "garbage") (void)send_packet(rank.place.control_fd, Bytes{250, 1, 2});
        if (word == "fence") rank.send(Fence{std::atoi(argv[++i])});
        if (word == "answer") rank.receive();
        if (word == "leave") rank.send(Leave{});
        if (word == "load_error") rank.send(Report{Report::Kind::load_error, argv[++i]});
        if (word == "runtime_error") rank.send(Report{Report::Kind::runtime_error, argv[++i]});
        if (word == "peer_error") rank.send(Report{Report::Kind::peer_error, argv[++i]});
        if (word == "settle") rank.settle();
        if (word == "locality") rank.tell_locality();
        if (word == "secret") rank.tell_secret();
        if (word == "peers") rank.watch_peers();
        if (word == "pause") ::pause();
        if (word == "stop") (void)::raise(SIGSTOP);
        if (word == "kill") (void)::raise(SIGKILL);
        if (word == "exit") return std::atoi(argv[++i]);
    }
    return 0;
}
