// SPDX-License-Identifier: Apache-2.0
#include "launcher/packets.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

UniqueFd duplicate(int fd) {
    return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

}  // namespace

PacketStream::PacketStream(EventLoop& loop, UniqueFd socket, Callbacks callbacks)
    : loop_(loop),
      socket_(std::move(socket)),
      spare_(duplicate(socket_.get())),
      callbacks_(std::move(callbacks)) {
    set_nonblocking(socket_.get());
    watch_ = loop_.on_readable(socket_.get(), [this] { on_ready(); });
}

void PacketStream::send(const Bytes& bytes, std::span<const int> fds) {
    if (!socket_) return;
    if (queue_.empty() && send_now(bytes, fds)) return;
    Queued queued{bytes, {}};
    for (const int fd : fds) {
        queued.fds.push_back(duplicate(fd));
        check_syscall(queued.fds.back().get(), "keep a descriptor that is to be passed on");
    }
    queue_.push_back(std::move(queued));
    loop_.set_interest(watch_, true, true);
}

bool PacketStream::send_now(const Bytes& bytes, std::span<const int> fds) {
    try {
        return send_packet(socket_.get(), bytes, fds);
    } catch (const Error& error) {
        switch (error.system_errno) {
            case EPIPE:
            case ECONNRESET:
                return true;  // the peer is gone, which is met where the socket is read
            case ENOBUFS:
            case ENOMEM:
            case ETOOMANYREFS:
                return false;  // the kernel has no room for it, or its descriptors, for the moment
            default:
                throw;
        }
    }
}

void PacketStream::close() {
    watch_.reset();
    socket_.reset();
    queue_.clear();
}

void PacketStream::flush() {
    while (!queue_.empty()) {
        std::vector<int> fds;
        for (const UniqueFd& fd : queue_.front().fds) fds.push_back(fd.get());
        if (!send_now(queue_.front().bytes, fds)) return;
        queue_.pop_front();
    }
    loop_.set_interest(watch_, true, false);
}

// One packet a turn, so that others have theirs.
void PacketStream::on_ready() {
    if (!queue_.empty()) flush();
    spare_.reset();
    const PacketResult result = receive_packet(socket_.get(), packet_);
    spare_ = duplicate(socket_.get());
    if (result == PacketResult::would_block) return;
    if (result == PacketResult::received) return callbacks_.packet(packet_);
    close();
    callbacks_.closed();
}

}  // namespace ipcrun
