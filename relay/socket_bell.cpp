// SPDX-License-Identifier: Apache-2.0
#include "relay/socket_bell.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "base/fail.hpp"
#include "base/quiet_thread.hpp"

namespace ipcrun {

SocketBell::SocketBell(int fd)
    : fd_(fd),
      events_(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "watch a connection")),
      stop_(check_syscall(::eventfd(0, EFD_CLOEXEC), "watch a connection")) {
    epoll_event event{};  // of the socket nothing, until it is armed
    event.events = EPOLLONESHOT;
    event.data.fd = fd_;
    check_syscall(::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd_, &event), "watch a connection");
    event.events = EPOLLIN;
    event.data.fd = stop_.get();
    check_syscall(::epoll_ctl(events_.get(), EPOLL_CTL_ADD, stop_.get(), &event),
                  "watch a connection");
    thread_ = start_quiet_thread([this] { listen(); });
}

SocketBell::~SocketBell() {
    (void)::eventfd_write(stop_.get(), 1);  // fails for a counter that is full only
    thread_.join();
}

void SocketBell::arm(bool writable) const {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT | (writable ? EPOLLOUT : 0u);
    event.data.fd = fd_;
    check_syscall(::epoll_ctl(events_.get(), EPOLL_CTL_MOD, fd_, &event), "watch a connection");
}

void SocketBell::listen() {
    for (;;) {
        epoll_event event{};
        if (::epoll_wait(events_.get(), &event, 1, -1) != 1) continue;
        if (event.data.fd == stop_.get()) return;
        bell_.ring_all();
    }
}

}  // namespace ipcrun
