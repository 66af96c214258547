// SPDX-License-Identifier: Apache-2.0
#include "runtime/join.hpp"

#include <unistd.h>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

namespace {

constexpr Seconds agent_patience{30};

}  // namespace

std::vector<UniqueFd> ask_to_join(int fd, std::size_t count, std::string_view attempt) {
    Join join;
    join.pid = static_cast<std::int32_t>(::getpid());
    (void)send_packet(fd, encode(join));
    if (!wait_readable(fd, Deadline::after(agent_patience)))
        fail(ErrorCode::timeout, "{}: the agent did not answer within {} s", attempt,
             agent_patience.count());
    Packet packet;
    if (receive_packet(fd, packet) != PacketResult::received)
        fail(ErrorCode::peer_lost, "{}: the agent has ended", attempt);
    const WorkerMessage answer = decode_worker_message(packet.bytes);
    if (const auto* refused = std::get_if<Refused>(&answer))
        fail(ErrorCode::usage, "{}: {}", attempt, refused->reason);
    if (!std::holds_alternative<Joined>(answer) || packet.fds.size() != count)
        fail(ErrorCode::protocol, "{}: the agent gave an answer that makes no sense", attempt);
    return std::move(packet.fds);
}

}  // namespace ipcrun
