// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/socket_channel.hpp"

#include <sys/socket.h>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/loop_thread.hpp"

namespace ipcrun {

namespace {

constexpr std::chrono::milliseconds look_interval{2'000};

}  // namespace

void SocketChannel::send_memory(const std::shared_ptr<NodeMemory>&, int, Deadline) {
    fail(ErrorCode::usage, "share memory: the link is a socket");
}

std::shared_ptr<NodeMemory> SocketChannel::receive_memory(Deadline) {
    fail(ErrorCode::usage, "receive memory to share: the link is a socket");
}

void SocketChannel::watch(LoopThread& thread, OnEnd on_end) {
    on_end_ = std::move(on_end);
    hang_up_ = thread.loop().on_hang_up(
        fd_, [this] { tell_end("the other end of the socket has been closed"); });
    look_later(thread.loop());
}

// No event tells of a host that has vanished while something was on its way to it. From its end on
// the socket can be read, which wakes whoever waits for it in whatever way.
void SocketChannel::look_later(EventLoop& loop) {
    look_ = loop.after(look_interval, [this, &loop] {
        if (!has_vanished(fd_)) return look_later(loop);
        close();
        tell_end("its host does not answer any more");
    });
}

void SocketChannel::tell_end(const char* how) {
    hang_up_.reset();
    look_.reset();
    on_end_(PeerEnd::connection, how);
}

void SocketChannel::unwatch() {
    hang_up_.reset();
    look_.reset();
    const std::lock_guard lock(mutex_);
    fd_ = -1;
}

void SocketChannel::close() noexcept {
    const std::lock_guard lock(mutex_);
    if (fd_ < 0) return;
    // Fails when the peer has gone: then there is nobody to learn of it.
    (void)::shutdown(fd_, SHUT_RDWR);
}

}  // namespace ipcrun
