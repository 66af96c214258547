// SPDX-License-Identifier: Apache-2.0
#include "launcher/agent_process.hpp"

#include <signal.h>

#include "base/fail.hpp"

namespace ipcrun {

void ignore_terminal_signals() {
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN,
                             SIGTTOU, SIGPIPE, SIGXFSZ})
        (void)::signal(number, SIG_IGN);  // fails for numbers only that do not exist
}

rlimit raise_open_files() {
    rlimit original = {};
    check_syscall(::getrlimit(RLIMIT_NOFILE, &original), "read the limit of open files");
    rlimit raised = original;
    raised.rlim_cur = raised.rlim_max;
    check_syscall(::setrlimit(RLIMIT_NOFILE, &raised), "raise the limit of open files");
    return original;
}

}  // namespace ipcrun
