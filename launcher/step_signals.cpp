// SPDX-License-Identifier: Apache-2.0
#include "launcher/step_signals.hpp"

#include "base/fail.hpp"

namespace ipcrun {

sigset_t step_signal_set() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : step_signals) ::sigaddset(&set, number);
    return set;
}

void hold_step_signals() {
    const sigset_t set = step_signal_set();
    check(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "block signals");
}

void release_step_signals() {
    const sigset_t set = step_signal_set();
    check(::pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0, "unblock signals");
}

}  // namespace ipcrun
