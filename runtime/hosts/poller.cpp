// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/poller.hpp"

#include <sys/timerfd.h>

#include "base/fail.hpp"

namespace ipcrun {

Poller::Poller()
    : epoll_(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "create an epoll")),
      timer_(check_syscall(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                           "create a timer")) {
    watch(timer_.get(), {Token::Kind::timer, 0}, {.readable = true});
}

void Poller::control(int operation, int fd, Token token, Interest interest) const {
    epoll_event event{};
    event.events = (interest.readable ? EPOLLIN : 0u) | (interest.writable ? EPOLLOUT : 0u);
    event.data.u64 = static_cast<std::uint64_t>(token.kind) << 32 | token.number;
    check_syscall(::epoll_ctl(epoll_.get(), operation, fd, &event), "watch a socket");
}

void Poller::watch(int fd, Token token, Interest interest) const {
    control(EPOLL_CTL_ADD, fd, token, interest);
}

void Poller::change(int fd, Token token, Interest interest) const {
    control(EPOLL_CTL_MOD, fd, token, interest);
}

void Poller::forget(int fd) const noexcept {
    // It is watched, or was never: there is nothing to be told.
    if (fd >= 0) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::set_timer(std::chrono::milliseconds interval) {
    if (interval == interval_) return;
    const auto count = interval.count();
    itimerspec time{};
    time.it_value = {.tv_sec = count / 1000, .tv_nsec = count % 1000 * 1'000'000};
    time.it_interval = time.it_value;
    check_syscall(::timerfd_settime(timer_.get(), 0, &time, nullptr), "set a timer");
    interval_ = interval;
}

void Poller::clear_timer() const {
    std::uint64_t count;
    // Nothing there: it was set anew in between.
    (void)!::read(timer_.get(), &count, sizeof count);
}

}  // namespace ipcrun
