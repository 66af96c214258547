// SPDX-License-Identifier: Apache-2.0
#include "launcher/surroundings.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/fail.hpp"
#include "launcher/signals.hpp"

namespace ipcrun {

void tidy_descriptors() {
    // The numbers 0 to 2 must not come to mean something else when they were closed.
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) {
            const int opened = check_syscall(::open("/dev/null", O_RDWR), "open /dev/null");
            check(opened == fd, "a closed descriptor is the lowest free one");
        }
    // Before Linux 5.11 workers inherit what ipcrun inherited, which does no harm to most.
    (void)::close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

Surroundings read_surroundings() {
    Surroundings surroundings;
    for (char** setting = environ; *setting != nullptr; ++setting)
        surroundings.environment.emplace_back(*setting);
    surroundings.ignored_signals = ignored_signals();
    if (::isatty(STDIN_FILENO) == 1) surroundings.standard_input = InputKind::terminal;
    surroundings.output_is_terminal = ::isatty(STDOUT_FILENO) == 1;
    surroundings.process_group = ::getpgrp();
    return surroundings;
}

}  // namespace ipcrun
