// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/net_watch.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <exception>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// Who looks does so again within microseconds, unless it has lost its CPU.
constexpr std::chrono::microseconds look_time{100};

}  // namespace

NetWatch::NetWatch(std::shared_ptr<RemotePeers> peers)
    : peers_(std::move(peers)),
      end_(check_syscall(::eventfd(0, EFD_CLOEXEC), "eventfd")),
      pid_(::getpid()) {
    // Signals are for the threads of the program.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread([this] { run(); });
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

NetWatch::~NetWatch() {
    if (pid_ != ::getpid()) {
        thread_.detach();
        return;
    }
    (void)::eventfd_write(end_.get(), 1);  // cannot fail: the count is far from its limit
    thread_.join();
}

bool NetWatch::is_looked_after() const {
    return Clock::now() - last_look_.load(std::memory_order_relaxed) < look_time;
}

bool NetWatch::progress() {
    try {
        return peers_->progress();
    } catch (const std::exception&) {
        return false;  // There is no memory: whoever waits meets that, too, and can say so.
    }
}

void NetWatch::run() {
    pollfd fds[] = {{end_.get(), POLLIN, 0}, {peers_->fd(), POLLIN, 0}};
    for (;;) {
        if (::poll(fds, 2, -1) < 0) continue;  // interrupted: by a debugger, say
        if (fds[0].revents != 0) return;
        // Nothing moves while somebody else is at it, who may have lost its CPU to this thread.
        if (!is_looked_after() && progress()) continue;
        constexpr timespec pause{0, std::chrono::nanoseconds(look_time).count()};
        if (::ppoll(fds, 1, &pause, nullptr) > 0) return;
    }
}

}  // namespace ipcrun
