// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/secure_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/stream/lost.hpp"
#include "runtime/stream/records.hpp"

namespace ipcrun {

namespace {

// UIO_MAXIOV of Linux.
constexpr std::size_t buffers_max = 1024;
// How often one who waits looks whether the other host is still there.
constexpr Seconds look_interval{2.0};

}  // namespace

struct SecureStream::Impl {
    Impl(UniqueFd own_socket, std::string peer_name, const Session& session)
        : socket(std::move(own_socket)), peer(std::move(peer_name)), secret(session.secret) {
        if (!session.is_encrypted) return;
        sealer.emplace(session.send_key);
        opener.emplace(session.receive_key);
    }

    UniqueFd socket;
    std::string peer;
    Key secret;
    std::optional<RecordSealer> sealer = {};  // both or none
    std::optional<RecordOpener> opener = {};
    Bytes sealed = {};  // what has not been sent of it begins at `sent`
    std::size_t sent = 0;

    // Of a host that has vanished there may be no error: who found out has shut the socket down.
    [[noreturn]] void fail_ended(int error_number) const {
        fail_lost(peer, has_vanished(socket.get()) ? ETIMEDOUT : error_number);
    }

    // 0 when the socket is full, or when there are no bytes.
    std::size_t send(std::span<const iovec> buffers) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(buffers.data());
        message.msg_iovlen = std::min(buffers.size(), buffers_max);
        for (;;) {
            const ssize_t count = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno == EAGAIN) return 0;
            if (errno != EINTR) fail_ended(errno);
        }
    }

    // 0 when nothing is there.
    std::size_t receive(std::span<const iovec> buffers) {
        for (;;) {
            const ssize_t count = ::readv(socket.get(), buffers.data(),
                                          static_cast<int>(std::min(buffers.size(), buffers_max)));
            if (count > 0) return static_cast<std::size_t>(count);
            if (count == 0) fail_ended(0);
            if (errno == EAGAIN) return 0;
            if (errno != EINTR) fail_ended(errno);
        }
    }

    bool flush() {
        while (sent < sealed.size()) {
            const iovec rest{sealed.data() + sent, sealed.size() - sent};
            const std::size_t count = send({&rest, 1});
            if (count == 0) return false;
            sent += count;
        }
        sealed.clear();
        sent = 0;
        return true;
    }

    std::size_t write_records(std::span<const iovec> buffers) {
        std::size_t taken = 0;
        Cursor cursor(buffers);
        while (flush() && cursor.bytes_left() > 0) taken += sealer->seal(cursor, sealed);
        return taken;
    }

    std::size_t read_records(std::span<const iovec> buffers) {
        Cursor cursor(buffers);
        for (;;) {
            // The end of the stream, and errors, come when all before has been given.
            const std::size_t opened = opener->open(cursor, peer);
            if (opened > 0) return opened;
            const iovec room = opener->room();
            const std::size_t count = receive({&room, 1});
            if (count == 0) return 0;
            opener->added(count);
        }
    }
};

SecureStream::SecureStream(UniqueFd socket, const Session& session, std::string peer)
    : impl_(std::make_unique<Impl>(std::move(socket), std::move(peer), session)) {
    set_nonblocking(impl_->socket.get());
}

SecureStream::~SecureStream() = default;
SecureStream::SecureStream(SecureStream&&) noexcept = default;
SecureStream& SecureStream::operator=(SecureStream&&) noexcept = default;

int SecureStream::fd() const {
    return impl_->socket.get();
}

const std::string& SecureStream::peer() const {
    return impl_->peer;
}

bool SecureStream::is_encrypted() const {
    return impl_->sealer.has_value();
}

const Key& SecureStream::secret() const {
    return impl_->secret;
}

std::size_t SecureStream::try_write(std::span<const iovec> buffers) {
    return is_encrypted() ? impl_->write_records(buffers) : impl_->send(buffers);
}

bool SecureStream::has_unsent() const {
    return impl_->sent < impl_->sealed.size();
}

bool SecureStream::try_flush() {
    return impl_->flush();
}

std::size_t SecureStream::try_read(std::span<const iovec> buffers) {
    // Without room a read would look like the end of the stream.
    if (Cursor(buffers).bytes_left() == 0) return 0;
    return is_encrypted() ? impl_->read_records(buffers) : impl_->receive(buffers);
}

bool SecureStream::has_read_ahead() const {
    return impl_->opener && impl_->opener->has_more();
}

bool SecureStream::wait(bool readable, bool writable, Deadline deadline) const {
    pollfd poll_fd{fd(), static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)), 0};
    for (;;) {
        const Deadline look = Deadline::sooner(deadline, Deadline::after(look_interval));
        const int ready = ::poll(&poll_fd, 1, look.remaining_ms());
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) fail_errno(errno, "wait for a connection");
        if (deadline.has_passed()) return false;
        if (ready == 0 && has_vanished(fd())) fail_vanished(peer());
    }
}

}  // namespace ipcrun
