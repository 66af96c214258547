// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/unix_channel.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/loop_thread.hpp"

namespace ipcrun {

namespace {

// A message is this byte, and descriptors: the kernel never puts two of those together.
constexpr std::uint8_t message_byte = 'm';

}  // namespace

PeerIdentity peer_identity(int fd) {
    ucred credentials{};
    socklen_t bytes = sizeof credentials;
    check_syscall(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes),
                  "ask who is at the other end of a socket");
    return {credentials.uid, credentials.pid};
}

UnixChannel::UnixChannel(UniqueFd socket)
    : socket_(std::move(socket)), how_ended_("its process has ended") {
    const pid_t pid = peer_identity(socket_.get()).pid;
    if (pid <= 0) return;
    how_ended_ = fmt::format("its process (pid {}) has ended", pid);
    // It may have ended since: then the socket says so. Where there are no descriptors left, or the
    // process cannot be seen, the socket has to do.
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void UnixChannel::send_fds(std::span<const int> fds, Deadline deadline) {
    try {
        while (!send_packet(socket_.get(), {&message_byte, 1}, fds))
            if (!wait_writable(socket_.get(), deadline))
                fail(ErrorCode::timeout, "share memory: the peer does not take it");
    } catch (const Error& error) {
        if (error.system_errno != EPIPE && error.system_errno != ECONNRESET) throw;
        fail(ErrorCode::peer_lost, "share memory: the peer has ended");
    }
}

std::vector<UniqueFd> UnixChannel::receive_fds(std::size_t count, Deadline deadline) {
    Packet packet;
    for (;;) {
        const PacketResult result = receive_packet(socket_.get(), packet);
        if (result == PacketResult::received) break;
        if (result == PacketResult::closed)
            fail(ErrorCode::peer_lost, "receive memory to share: the peer has ended");
        if (!wait_readable(socket_.get(), deadline))
            fail(ErrorCode::timeout, "receive memory to share: timed out");
    }
    if (packet.bytes != Bytes{message_byte} || packet.fds.size() != count)
        fail(ErrorCode::protocol, "receive memory to share: something else has come");
    return std::move(packet.fds);
}

void UnixChannel::send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                              Deadline deadline) {
    send_fds(std::array{control_fd, memory->heap_fd()}, deadline);
}

std::shared_ptr<NodeMemory> UnixChannel::receive_memory(Deadline deadline) {
    auto fds = receive_fds(2, deadline);
    return std::make_shared<NodeMemory>(std::move(fds[0]), std::move(fds[1]));
}

void UnixChannel::watch(LoopThread& thread, OnEnd on_end) {
    on_end_ = std::move(on_end);
    try {
        hang_up_ =
            thread.loop().on_hang_up(socket_.get(), [this] { tell_end(PeerEnd::connection); });
        if (process_)
            death_ =
                thread.loop().on_readable(process_.get(), [this] { tell_end(PeerEnd::process); });
    } catch (...) {
        unwatch();
        throw;
    }
}

void UnixChannel::unwatch() {
    hang_up_.reset();
    death_.reset();
    on_end_ = nullptr;
}

// Who has closed may live on, and have memory of ours in hand that came by this channel.
void UnixChannel::tell_end(PeerEnd what) {
    OnEnd on_end = std::exchange(on_end_, nullptr);
    hang_up_.reset();
    if (what == PeerEnd::process) death_.reset();
    if (!on_end) return;
    on_end(what, how_ended_);
    // Unless this end has been closed meanwhile the process is still watched.
    if (death_) on_end_ = std::move(on_end);
}

void UnixChannel::close() noexcept {
    const std::lock_guard lock(mutex_);
    // Fails when the peer has gone: then there is nobody to learn of it.
    if (socket_) (void)::shutdown(socket_.get(), SHUT_RDWR);
}

void UnixChannel::release() noexcept {
    close();
    const std::lock_guard lock(mutex_);
    socket_.reset();
    process_.reset();
}

}  // namespace ipcrun
