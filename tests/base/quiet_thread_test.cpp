// SPDX-License-Identifier: Apache-2.0
#include "base/quiet_thread.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

namespace ipcrun {

TEST_CASE("quiet thread: it meets no signals, and who starts it meets those that it met") {
    sigset_t before, inside, after;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0);
    start_quiet_thread([&inside] { ::pthread_sigmask(SIG_SETMASK, nullptr, &inside); }).join();
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &after) == 0);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) {
        CHECK(::sigismember(&inside, number) == 1);
        CHECK(::sigismember(&before, number) == ::sigismember(&after, number));
    }
}

}  // namespace ipcrun
