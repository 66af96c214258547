// SPDX-License-Identifier: Apache-2.0
#include "base/socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

std::pair<UniqueFd, UniqueFd> create_socket_pair(SocketKind kind) {
    int fds[2];
    const int type = kind == SocketKind::stream ? SOCK_STREAM : SOCK_SEQPACKET;
    check_syscall(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), "create a socket pair");
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

bool is_packet_socket(int fd) {
    const auto option = [fd](int name) {
        int value = -1;
        socklen_t bytes = sizeof value;
        return ::getsockopt(fd, SOL_SOCKET, name, &value, &bytes) == 0 ? value : -1;
    };
    return option(SO_DOMAIN) == AF_UNIX && option(SO_TYPE) == SOCK_SEQPACKET;
}

void set_nonblocking(int fd) {
    const int flags = check_syscall(::fcntl(fd, F_GETFL), "read the flags of a descriptor");
    check_syscall(::fcntl(fd, F_SETFL, flags | O_NONBLOCK), "make a descriptor non-blocking");
}

void set_inherited(int fd) {
    check_syscall(::fcntl(fd, F_SETFD, 0), "let a descriptor be inherited");
}

void set_close_on_exec(int fd) {
    check_syscall(::fcntl(fd, F_SETFD, FD_CLOEXEC), "keep a descriptor from being inherited");
}

bool send_packet(int fd, std::span<const std::uint8_t> bytes, std::span<const int> fds) {
    check(!bytes.empty(), "an empty packet would read as the end of the connection");
    check(bytes.size() <= packet_bytes_max, "a packet is too long to be sent");
    check(fds.size() <= packet_fds_max, "too many descriptors for a packet");
    iovec data{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(packet_fds_max * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }
    for (;;) {
        if (::sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) return true;
        if (errno == EAGAIN) return false;
        if (errno != EINTR) fail_errno(errno, "send a message");
    }
}

PacketResult receive_packet(int fd, Packet& packet) {
    packet.bytes.resize(packet_bytes_max);
    packet.fds.clear();
    iovec data{packet.bytes.data(), packet.bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(packet_fds_max * sizeof(int))];
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t received;
    do received = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN) return PacketResult::would_block;
    // A peer that died with unread data behind it resets the connection: closed all the same.
    if (received == 0 || (received < 0 && errno == ECONNRESET)) return PacketResult::closed;
    check_syscall(received, "receive a message");
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int received_fd;
            std::memcpy(&received_fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            packet.fds.emplace_back(received_fd);
        }
    }
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        fail(ErrorCode::protocol,
             "receive a message: it is longer than {} bytes, or this process "
             "has no descriptors left (ulimit -n)",
             packet_bytes_max);
    packet.bytes.resize(static_cast<std::size_t>(received));
    return PacketResult::received;
}

bool wait_readable(int fd, Deadline deadline) {
    pollfd poll_fd{fd, POLLIN, 0};
    for (;;) {
        const int ready = ::poll(&poll_fd, 1, deadline.remaining_ms());
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) fail_errno(errno, "wait for a message");
    }
}

}  // namespace ipcrun
