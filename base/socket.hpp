// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Unix sockets between processes of one job: pairs, packets, and descriptors that travel in them.

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

enum class SocketKind {
    stream,  ///< bytes in order
    packet,  ///< whole messages in order, each up to `packet_bytes_max`
};

/// What one packet can carry; below the kernel's default limit for a socket's buffer.
constexpr std::size_t packet_bytes_max = 64 * 1024;
/// How many descriptors one packet can carry.
constexpr std::size_t packet_fds_max = 8;

/// Two connected sockets, close-on-exec, blocking.
std::pair<UniqueFd, UniqueFd> create_socket_pair(SocketKind kind);

/// Is `fd` open, and one end of a packet pair? Programs inherit the number of a descriptor by their
/// environment even when they do not inherit the descriptor.
bool is_packet_socket(int fd);

void set_nonblocking(int fd);
/// `fd` will be inherited by programs that this process executes.
void set_inherited(int fd);
/// `fd` will be closed when this process executes a program.
void set_close_on_exec(int fd);

struct Packet {
    Bytes bytes;
    std::vector<UniqueFd> fds;
};

enum class PacketResult { received, closed, would_block };

/// Sends one packet, of one byte at least, with copies of `fds`. Throws Error{system}, without
/// SIGPIPE, when the peer is gone; returns false when the socket is non-blocking and full.
bool send_packet(int fd, std::span<const std::uint8_t> bytes, std::span<const int> fds = {});

/// Receives one packet into `packet`. Blocks unless the socket is non-blocking. A packet that is
/// longer than `packet_bytes_max`, or that lost descriptors, throws Error{protocol}.
PacketResult receive_packet(int fd, Packet& packet);

/// Waits until `fd` can be read or is closed; false when the deadline passes first.
bool wait_readable(int fd, Deadline deadline);

}  // namespace ipcrun
