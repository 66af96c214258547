// SPDX-License-Identifier: Apache-2.0
#include "runtime/job.hpp"

#include <unistd.h>

#include <cstdlib>
#include <numeric>

#include "base/error.hpp"
#include "base/socket.hpp"
#include "runtime/communicator_impl.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

namespace {

constexpr Seconds agent_patience{30};

std::shared_ptr<NodeMemory> ask_agent(int control_fd) {
    Join join;
    join.pid = static_cast<std::int32_t>(::getpid());
    (void)send_packet(control_fd, encode(join));
    if (!wait_readable(control_fd, Deadline::after(agent_patience)))
        fail(ErrorCode::timeout, "join the job: the agent did not answer within {} s",
             agent_patience.count());
    Packet packet;
    if (receive_packet(control_fd, packet) != PacketResult::received)
        fail(ErrorCode::peer_lost, "join the job: the agent of this node has ended");
    const WorkerMessage answer = decode_worker_message(packet.bytes);
    if (const auto* refused = std::get_if<Refused>(&answer))
        fail(ErrorCode::usage, "join the job: {}", refused->reason);
    if (!std::holds_alternative<Joined>(answer) || packet.fds.size() != 2)
        fail(ErrorCode::protocol, "join the job: the agent gave an answer that makes no sense");
    return std::make_shared<NodeMemory>(std::move(packet.fds[0]), std::move(packet.fds[1]));
}

std::shared_ptr<NodeMemory> create_alone() {
    constexpr std::uint64_t arena_bytes = 1ull << 30;
    return NodeMemory::create(1, 1, arena_bytes);
}

}  // namespace

std::shared_ptr<Job> Job::join() {
    auto environment = RankEnvironment::read();
    // A program that a rank started inherits the variables but not the socket: it is no rank.
    if (environment && !is_packet_socket(environment->control_fd)) environment.reset();
    std::shared_ptr<Job> job(new Job(environment.value_or(RankEnvironment())));
    const RankEnvironment& place = job->place_;
    if (place.local_size != place.size)
        fail(ErrorCode::unsupported, "join the job: it has ranks on other hosts");
    std::shared_ptr<NodeMemory> memory;
    if (environment) {
        set_close_on_exec(place.control_fd);
        memory = ask_agent(place.control_fd);
        job->control_fd_ = place.control_fd;
    } else {
        memory = create_alone();
    }
    Faults faults;
    if (const char* text = std::getenv("IPCRUN_FAULT")) faults = Faults(text, place.rank);
    const char* peer_access = std::getenv("IPCRUN_PEER_ACCESS");
    if (peer_access != nullptr && std::string_view(peer_access) == "0")
        memory->control().rank(place.local_rank).peer_access = PeerAccess::refused;
    job->heap_ = std::make_shared<Heap>(memory, place.local_rank);
    Identity identity;
    identity.members.resize(place.size);
    std::iota(identity.members.begin(), identity.members.end(), 0);
    identity.rank = place.rank;
    identity.block_offset = memory->control().header().world_offset;
    job->world_ = std::make_unique<Communicator>(
        std::make_unique<Communicator::Impl>(job->heap_, std::move(identity), faults));
    return job;
}

Job::~Job() {
    // A child after fork() holds a copy of this: it is no rank, and cannot leave for its parent.
    if (control_fd_ < 0 || ::getpid() != pid_) return;
    try {
        (void)send_packet(control_fd_, encode(Leave{}));
    } catch (const Error&) {
        // The agent is gone, and with it everybody who could be told.
    }
}

}  // namespace ipcrun
