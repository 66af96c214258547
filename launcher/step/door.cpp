// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/door.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.hpp"
#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

namespace {

constexpr int waiting_max = 4096;  // ranks of a node, which may all come at once

struct Name {
    sockaddr_un address{};
    socklen_t bytes = 0;
};
// A name without a file begins with a zero.
Name name_of_door(const std::string& name) {
    Name result;
    result.address.sun_family = AF_UNIX;
    if (name.size() + 1 >= sizeof result.address.sun_path)
        fail(ErrorCode::protocol, "the name of a door is too long");
    std::memcpy(result.address.sun_path + 1, name.data(), name.size());
    result.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return result;
}

UniqueFd packet_socket() {
    return UniqueFd(
        check_syscall(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "create a socket"));
}

bool is_same_user(int socket) {
    ucred peer{};
    socklen_t bytes = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
           peer.uid == ::geteuid();
}

// In a time that does not tell how much of it was right.
bool is_secret(std::span<const std::uint8_t> bytes, const JobSecret& secret) {
    unsigned difference = 0;
    for (std::size_t i = 0; i < secret.size(); ++i)
        difference |= static_cast<unsigned>(bytes[i] ^ secret[i]);
    return difference == 0;
}

// A joiner that has gone need not know.
void say_heard(int socket) {
    const std::uint8_t heard = 0;
    (void)::send(socket, &heard, sizeof heard, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Door open_door() {
    Door door;
    const Key random = Key::random();
    door.name = "ipcrun-step-";
    for (std::size_t i = 0; i < random.bytes.size() / 2; ++i)
        door.name += fmt::format("{:02x}", random.bytes[i]);
    door.listener = packet_socket();
    const Name name = name_of_door(door.name);
    check_syscall(
        ::bind(door.listener.get(), reinterpret_cast<const sockaddr*>(&name.address), name.bytes),
        "open a door for the ranks of this node");
    check_syscall(::listen(door.listener.get(), waiting_max),
                  "open a door for the ranks of this node");
    set_nonblocking(door.listener.get());
    return door;
}

void knock(const std::string& door, const JobSecret& secret, const TaskArrival& arrival,
           Deadline deadline) {
    const UniqueFd socket = packet_socket();
    const Name name = name_of_door(door);
    const int left_ms = std::max(deadline.remaining_ms(), 1);
    const timeval patience{left_ms / 1000, left_ms % 1000 * 1000};  // the queue may be full
    check_syscall(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience),
                  "limit how long a call may take");
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name.address), name.bytes) !=
           0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) fail(ErrorCode::timeout, "the agent of this node lets nobody in");
        if (errno == ECONNREFUSED)
            fail(ErrorCode::peer_lost, "the agent of this node has ended before all had come");
        fail_errno(errno, "reach the agent of this node");
    }
    // The name is free again where the agent has ended, and anybody's to take.
    if (!is_same_user(socket.get()))
        fail(ErrorCode::peer_lost,
             "the agent of this node has ended, and another user has its door");
    Encoder out;
    for (const std::uint8_t byte : secret) out.number(byte);
    out.number(arrival.rank);
    const std::array fds{arrival.process.get(), arrival.answer.get(), arrival.listener.get()};
    (void)send_packet(socket.get(), out.take(), fds);
    // Until it has been heard: the kernel drops what is still in a socket that is closed.
    if (!wait_readable(socket.get(), deadline))
        fail(ErrorCode::timeout, "the agent of this node does not listen");
    Packet heard;
    if (receive_packet(socket.get(), heard) != PacketResult::received)
        fail(ErrorCode::peer_lost, "the agent of this node has closed its door");
}

std::optional<TaskArrival> let_in(int listener, const JobSecret& secret, Seconds patience) {
    const UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return std::nullopt;
        fail_errno(errno,
                   "let in the ranks of this node (raise the limit of open files, ulimit -n)");
    }
    if (!is_same_user(socket.get()) || !wait_readable(socket.get(), Deadline::after(patience)))
        return std::nullopt;
    Packet packet;
    try {
        if (receive_packet(socket.get(), packet) != PacketResult::received) return std::nullopt;
    } catch (const Error&) {
        return std::nullopt;  // no joiner sends so much
    }
    constexpr std::size_t fds_wanted = 3;
    if (packet.bytes.size() != secret.size() + sizeof(std::int32_t) ||
        packet.fds.size() != fds_wanted || !is_secret(packet.bytes, secret))
        return std::nullopt;
    say_heard(socket.get());
    Decoder in(std::span(packet.bytes).subspan(secret.size()));
    return TaskArrival{.rank = in.number<std::int32_t>(),
                       .process = std::move(packet.fds[0]),
                       .answer = std::move(packet.fds[1]),
                       .listener = std::move(packet.fds[2])};
}

}  // namespace ipcrun
