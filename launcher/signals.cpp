// SPDX-License-Identifier: Apache-2.0
#include "launcher/signals.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr int interrupting[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

}  // namespace

std::vector<int> ignored_signals() {
    std::vector<int> ignored;
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action = {};
        if (number != SIGCHLD && ::sigaction(number, nullptr, &action) == 0 &&
            action.sa_handler == SIG_IGN)
            ignored.push_back(number);
    }
    return ignored;
}

void prepare_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    check(::pthread_sigmask(SIG_SETMASK, &none, nullptr) == 0, "unblock signals");
    // With SIGCHLD ignored the kernel would reap our children and keep their statuses to itself.
    check(::signal(SIGCHLD, SIG_DFL) != SIG_ERR && ::signal(SIGPIPE, SIG_IGN) != SIG_ERR,
          "set signals");
}

Signals::Signals(EventLoop& loop, const std::vector<int>& ignored, Callbacks callbacks) {
    const auto watch = [&](int number, std::function<void()> callback) {
        if (std::find(ignored.begin(), ignored.end(), number) == ignored.end())
            watches_.push_back(loop.on_signal(number, std::move(callback)));
    };
    for (const int number : interrupting)
        watch(number, [number, interrupt = callbacks.interrupt] { interrupt(number); });
    for (const int number : {SIGUSR1, SIGUSR2, SIGWINCH})
        watch(number, [number, forward = callbacks.forward] { forward(number); });
    watch(SIGTSTP, callbacks.suspend);
    watch(SIGCONT, callbacks.resume);
}

Signals::~Signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : interrupting) ::sigaddset(&set, number);
    check(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "block signals");
}

}  // namespace ipcrun
