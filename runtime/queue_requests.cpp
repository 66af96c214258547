// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_requests.hpp"

#include <cerrno>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

namespace {

constexpr Seconds agent_patience{30};

void send(int fd, const OpenQueue& request) {
    try {
        (void)send_packet(fd, encode(request));
    } catch (const Error& error) {
        if (error.system_errno == EPIPE || error.system_errno == ECONNRESET)
            fail(ErrorCode::peer_lost, "open the queue '{}': the agent has ended", request.name);
        throw Error(error.code, fmt::format("open the queue '{}': {}", request.name, error.what()),
                    error.system_errno);
    }
}

}  // namespace

void check_queue_name(const std::string& name) {
    if (name.empty() || name.size() > queue_name_bytes_max)
        fail(ErrorCode::usage, "open a queue by its name: a name of {} bytes, 1 to {} can be",
             name.size(), queue_name_bytes_max);
}

UniqueFd QueueRequests::open(int control_fd, const std::string& name, std::uint64_t capacity) {
    const std::lock_guard lock(mutex_);
    const OpenQueue request{++last_id_, name, capacity};
    send(control_fd, request);
    const Deadline deadline = Deadline::after(agent_patience);
    for (;;) {
        if (!wait_readable(control_fd, deadline))
            fail(ErrorCode::timeout, "open the queue '{}': the agent did not answer within {} s",
                 name, agent_patience.count());
        Packet packet;
        if (receive_packet(control_fd, packet) != PacketResult::received)
            fail(ErrorCode::peer_lost, "open the queue '{}': the agent has ended", name);
        const WorkerMessage answer = decode_worker_message(packet.bytes);
        if (const auto* refused = std::get_if<QueueRefused>(&answer);
            refused != nullptr && refused->id == request.id)
            fail(ErrorCode::usage, "open the queue '{}': {}", name, refused->reason);
        if (const auto* opened = std::get_if<QueueOpened>(&answer);
            opened != nullptr && opened->id == request.id && packet.fds.size() == 1)
            return std::move(packet.fds[0]);
        // The answer to a request that was given up, or to one that nobody waits for (Fence).
    }
}

}  // namespace ipcrun
