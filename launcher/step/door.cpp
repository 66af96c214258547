// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/door.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/bytes.hpp"
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

void knock(const std::string& door, const JobSecret& secret, const Arrival& arrival) {
    const UniqueFd socket = packet_socket();
    const Name name = name_of_door(door);
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name.address), name.bytes) !=
           0) {
        if (errno == EINTR) continue;
        if (errno == ECONNREFUSED)
            fail(ErrorCode::peer_lost, "the agent of this node has ended before all had come");
        fail_errno(errno, "reach the agent of this node");
    }
    Encoder out;
    for (const std::uint8_t byte : secret) out.number(byte);
    out.number(arrival.rank);
    const std::array fds{arrival.process.get(), arrival.answer.get(), arrival.listener.get()};
    (void)send_packet(socket.get(), out.take(), fds);
    // Until it has been heard: the kernel drops what is still in a socket that is closed.
    (void)wait_readable(socket.get(), Deadline::never());
}

std::optional<Arrival> let_in(int listener, const JobSecret& secret, Seconds patience) {
    const UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return std::nullopt;
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
    Decoder in(std::span(packet.bytes).subspan(secret.size()));
    return Arrival{.rank = in.number<std::int32_t>(),
                   .process = std::move(packet.fds[0]),
                   .answer = std::move(packet.fds[1]),
                   .listener = std::move(packet.fds[2])};
}

}  // namespace ipcrun
