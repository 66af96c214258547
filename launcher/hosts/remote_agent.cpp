// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/remote_agent.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/hosts/guard.hpp"
#include "launcher/signals.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"

namespace ipcrun {

namespace {

constexpr int usage_status = 2;
constexpr int failure_status = 1;

UniqueFd keep(int fd) {
    return UniqueFd(check_syscall(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
                                  "keep the connection with the launcher"));
}

// The protocol's ends, which nobody else gets to write into: what else is printed here (by
// libraries) goes to standard error, which ssh brings to the launcher.
StreamEnds take_standard_streams() {
    StreamEnds ends{keep(STDIN_FILENO), keep(STDOUT_FILENO)};
    const UniqueFd null(check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    check_syscall(::dup2(null.get(), STDIN_FILENO), "let go of standard input");
    check_syscall(::dup2(STDERR_FILENO, STDOUT_FILENO), "let go of standard output");
    return ends;
}

void greet(int fd) {
    std::string_view rest = agent_greeting;
    while (!rest.empty()) {
        const ssize_t written = ::write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        rest.remove_prefix(static_cast<std::size_t>(check_syscall(written, "greet the launcher")));
    }
}

int guard() {
    tidy_descriptors();
    ignore_terminal_signals();
    prepare_signals();
    StreamEnds ends = take_standard_streams();
    greet(ends.out.get());
    // A login shell may have started some before it executed us.
    const std::vector<pid_t> not_ours = current_children();
    return guard_agent(std::move(ends), not_ours);
}

}  // namespace

int run_remote_agent() {
    if (::isatty(STDIN_FILENO) == 1 || ::isatty(STDOUT_FILENO) == 1) {
        say_on_host("option --agent",
                    "ipcrun on another host gives it, over ssh; it is not for people");
        return usage_status;
    }
    try {
        return guard();
    } catch (const std::exception& error) {
        say_on_host("the agent cannot start", error.what());
        return failure_status;
    }
}

}  // namespace ipcrun
