// SPDX-License-Identifier: Apache-2.0
#include "base/quiet_thread.hpp"

#include <pthread.h>
#include <signal.h>

namespace ipcrun {

std::thread start_quiet_thread(std::function<void()> body) {
    // The new thread inherits the mask.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread thread(std::move(body));
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return thread;
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

}  // namespace ipcrun
