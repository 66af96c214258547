// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>

#include "base/fail.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"

namespace ipcrun {

// The descriptors are in a set of their own: the loop watches one for its end already, and can
// watch none twice; and it need not be told of each.
RingWhenReadable::RingWhenReadable(Neighbourhood& neighbourhood, std::span<const int> fds)
    : neighbourhood_(neighbourhood.impl()),
      epoll_(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "wait for several sockets")) {
    for (const int fd : fds) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP;
        check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event),
                      "wait for several sockets");
    }
    LoopThread& thread = neighbourhood_.thread();
    thread.call([&] {
        watch_ = thread.loop().on_readable(epoll_.get(), [this] {
            watch_.reset();
            neighbourhood_.ring();
        });
    });
}

RingWhenReadable::~RingWhenReadable() {
    neighbourhood_.thread().call([this] { watch_.reset(); });
}

}  // namespace ipcrun
