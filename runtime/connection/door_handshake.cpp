// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/door_handshake.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"

namespace ipcrun {

namespace {

// All that is ever sent here is a few hundred bytes on a fresh socket.
void send_all(int fd, std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    ssize_t sent;
    do sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
        fail(ErrorCode::peer_lost, "shake hands at a door: the other side has gone");
    check_syscall(sent, "send to a door");
    if (static_cast<std::size_t>(sent) != bytes.size())
        fail(ErrorCode::system, "send to a door: the socket takes no more");
}

}  // namespace

bool read_up_to(int fd, Bytes& bytes, std::size_t size) {
    while (bytes.size() < size) {
        const std::size_t before = bytes.size();
        bytes.resize(size);
        const ssize_t count = ::read(fd, bytes.data() + before, size - before);
        const int error_number = errno;
        bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count > 0 || (count < 0 && error_number == EINTR)) continue;
        if (count < 0 && error_number == EAGAIN) return false;
        if (count == 0 || error_number == ECONNRESET)
            fail(ErrorCode::peer_lost, "shake hands at a door: the other side has gone");
        fail_errno(error_number, "shake hands at a door");
    }
    return true;
}

void DoorHandshake::send_output(int fd) {
    send_all(fd, handshake_.take_output());
}

bool DoorHandshake::advance(int fd) {
    send_output(fd);
    while (handshake_.wants() > 0) {
        if (!read_up_to(fd, received_, handshake_.wants())) return false;
        handshake_.consume(received_);
        received_.clear();
        send_output(fd);
    }
    return true;
}

UniqueFd pass_door(const std::string& name, const Ticket& ticket, const Key& secret,
                   Deadline deadline) {
    UniqueFd socket = connect_to({.path = name}, deadline);
    send_all(socket.get(), ticket);
    DoorHandshake handshake(Role::client, secret);
    while (!handshake.advance(socket.get()))
        if (!wait_readable(socket.get(), deadline))
            fail(ErrorCode::timeout, "shake hands at a door: timed out");
    return socket;
}

}  // namespace ipcrun
