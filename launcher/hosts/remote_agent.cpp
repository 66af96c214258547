// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/remote_agent.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "launcher/agent.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/signals.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr int usage_status = 2;
constexpr int failure_status = 1;
constexpr Seconds sweep_time_max{2.0};
// For the agent, once the launcher is gone: longer than its own sweep may take.
constexpr Seconds agent_time_max{4.0};

// The launcher may be gone, and nobody read it: no reason to do anything else than otherwise.
void say(const char* what, const char* why) {
    (void)std::fprintf(stderr, "ipcrun: %s: %s\n", what, why);
}

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

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(
        check_syscall(::syscall(SYS_pidfd_open, pid, 0), "watch a process of the agent")));
}

// The child of a fork: it must not return into its parent's code, nor run what that has at exit.
[[noreturn]] void be_agent(StreamEnds ends, UniqueFd guard) {
    (void)::setpgid(0, 0);  // cannot fail for a process that has just been born
    try {
        run_agent(std::move(ends), std::move(guard));
        ::_exit(0);
    } catch (const std::exception& error) {
        say("the agent cannot start", error.what());
        ::_exit(failure_status);
    }
}

// Until the agent has ended. It may have been stopped, and not see that the launcher is gone.
int wait_for_agent(pid_t agent, UniqueFd launcher) {
    const UniqueFd agent_end = open_pidfd(agent);
    pollfd watched[] = {{agent_end.get(), POLLIN, 0}, {launcher.get(), POLLRDHUP, 0}};
    Deadline deadline = Deadline::never();
    while (watched[0].revents == 0) {
        const int ready = ::poll(watched, std::size(watched), deadline.remaining_ms());
        if (ready < 0 && errno != EINTR) fail_errno(errno, "wait for the agent to end");
        if (watched[1].revents != 0) {
            deadline = Deadline::after(agent_time_max);
            watched[1] = {-1, 0, 0};
        }
        if (!deadline.has_passed()) continue;
        (void)::kill(agent, SIGKILL);  // it has not been reaped: no other has its pid
        deadline = Deadline::never();
    }
    int status = 0;
    while (::waitpid(agent, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int guard() {
    tidy_descriptors();
    ignore_terminal_signals();
    prepare_signals();
    StreamEnds ends = take_standard_streams();
    greet(ends.out.get());
    // A login shell may have started some before it executed us.
    const std::vector<pid_t> not_ours = current_children();
    become_subreaper();
    UniqueFd own_end = open_pidfd(::getpid());
    const pid_t agent = ::fork();
    if (agent == 0) be_agent(std::move(ends), std::move(own_end));
    check_syscall(agent, "start the agent (is there a limit on processes, ulimit -u?)");
    ends.out.reset();
    own_end.reset();
    const int status = wait_for_agent(agent, std::move(ends.in));
    (void)kill_descendants({.excluded = not_ours, .deadline = Deadline::after(sweep_time_max)});
    if (WIFSIGNALED(status)) say("the agent was killed", describe_wait_status(status).c_str());
    return exit_status_of(status);
}

}  // namespace

int run_remote_agent() {
    if (::isatty(STDIN_FILENO) == 1 || ::isatty(STDOUT_FILENO) == 1) {
        say("option --agent", "ipcrun on another host gives it, over ssh; it is not for people");
        return usage_status;
    }
    try {
        return guard();
    } catch (const std::exception& error) {
        say("the agent cannot start", error.what());
        return failure_status;
    }
}

}  // namespace ipcrun
