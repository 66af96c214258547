// SPDX-License-Identifier: Apache-2.0
#include "runtime/join.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

namespace {

constexpr Seconds agent_patience{30};

void send_join(int fd, std::string_view attempt) {
    Join join;
    join.pid = static_cast<std::int32_t>(::getpid());
    try {
        (void)send_packet(fd, encode(join));
    } catch (const Error& error) {
        if (error.system_errno == EPIPE || error.system_errno == ECONNRESET)
            fail(ErrorCode::peer_lost, "{}: the agent has ended", attempt);
        throw Error(error.code, fmt::format("{}: {}", attempt, error.what()), error.system_errno);
    }
}

}  // namespace

std::vector<UniqueFd> ask_to_join(int fd, std::size_t count, std::string_view attempt) {
    send_join(fd, attempt);
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
