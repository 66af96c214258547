// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/handshake_socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/fail.hpp"
#include "runtime/stream/lost.hpp"

namespace ipcrun {

HandshakeSocket::HandshakeSocket(UniqueFd socket, Role role, const Key& key, bool wants_encryption,
                                 std::string_view purpose, std::string peer)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      handshake_(role, key, wants_encryption, purpose) {}

// False when the socket is full.
bool HandshakeSocket::send_output() {
    const Bytes more = handshake_.take_output();
    output_.insert(output_.end(), more.begin(), more.end());
    while (sent_ < output_.size()) {
        const ssize_t count =
            ::send(fd(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
        if (count >= 0) {
            sent_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            // It may have said why before it closed: reading tells, or finds the end, too.
            sent_ = output_.size();
        } else if (errno != EINTR) {
            fail_lost(peer_, errno);
        }
    }
    return true;
}

// False when nothing more is there.
bool HandshakeSocket::receive() {
    std::array<std::uint8_t, 128> buffer;
    const std::size_t missing = handshake_.wants() - input_.size();
    const ssize_t count = ::recv(fd(), buffer.data(), std::min(missing, buffer.size()), 0);
    if (count == 0) fail_lost(peer_, 0);
    if (count < 0) {
        if (errno == EAGAIN) return false;
        if (errno != EINTR) fail_lost(peer_, errno);
        return true;
    }
    input_.insert(input_.end(), buffer.begin(), buffer.begin() + count);
    return true;
}

// A socket that is closed with bytes unread is reset: what was lost of the reason on the way is not
// sent again.
void HandshakeSocket::refuse() {
    try {
        (void)send_output();
    } catch (const Error&) {
        return;  // it cannot be told any more: the reason of the refusal is what counts
    }
    (void)::shutdown(fd(), SHUT_WR);
    std::array<std::uint8_t, 512> unread;
    (void)::recv(fd(), unread.data(), unread.size(), MSG_DONTWAIT);
}

HandshakeSocket::State HandshakeSocket::advance() {
    for (;;) {
        if (!send_output()) return State::wants_to_write;
        if (handshake_.wants() == 0) return State::done;
        if (!receive()) return State::wants_to_read;
        if (input_.size() < handshake_.wants()) continue;
        const Bytes message = std::exchange(input_, {});
        try {
            handshake_.consume(message);
        } catch (const Error&) {
            refuse();
            throw;
        }
    }
}

SecureStream HandshakeSocket::take_stream() {
    return SecureStream(std::move(socket_), handshake_.session(), std::move(peer_));
}

}  // namespace ipcrun
