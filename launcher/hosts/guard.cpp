// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "launcher/agent.hpp"
#include "launcher/step_signals.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr int failure_status = 1;
constexpr Seconds sweep_time_max{2.0};
// For the agent, once the launcher is gone: longer than its own sweep may take.
constexpr Seconds agent_time_max{4.0};

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(
        check_syscall(::syscall(SYS_pidfd_open, pid, 0), "watch a process of the agent")));
}

UniqueFd copy_of_input(const Connection& connection) {
    const auto* ends = std::get_if<StreamEnds>(&connection);
    const int fd = ends != nullptr ? ends->in.get() : std::get<SecureStream>(connection).fd();
    return UniqueFd(
        check_syscall(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "keep the connection with the launcher"));
}

// The child of a fork: it must not return into its parent's code, nor run what that has at exit.
[[noreturn]] void be_agent(Connection connection, UniqueFd guard,
                           const std::optional<BatchStep>& step) {
    (void)::setpgid(0, 0);  // cannot fail for a process that has just been born
    try {
        run_agent(std::move(connection), std::move(guard), step);
        ::_exit(0);
    } catch (const std::exception& error) {
        say_on_host("the agent cannot start", error.what());
        ::_exit(failure_status);
    }
}

// Until the agent has ended. It may have been stopped, and not see that the launcher is gone.
// `signals`: those of a batch system, for the agent; -1: none.
int wait_for_agent(pid_t agent, UniqueFd launcher, int signals) {
    const UniqueFd agent_end = open_pidfd(agent);
    pollfd watched[] = {
        {agent_end.get(), POLLIN, 0}, {launcher.get(), POLLRDHUP, 0}, {signals, POLLIN, 0}};
    Deadline deadline = Deadline::never();
    bool is_terminated = false;  // then the batch system says for how long the agent may live
    while (watched[0].revents == 0) {
        const int ready = ::poll(watched, std::size(watched), deadline.remaining_ms());
        if (ready < 0 && errno != EINTR) fail_errno(errno, "wait for the agent to end");
        signalfd_siginfo signal;
        if (watched[2].revents != 0 && ::read(signals, &signal, sizeof signal) == sizeof signal) {
            const auto number = static_cast<int>(signal.ssi_signo);
            is_terminated = is_terminated || number == SIGTERM;
            if (is_terminated) deadline = Deadline::never();
            (void)::kill(agent, number);
        }
        if (watched[1].revents != 0) {
            if (!is_terminated) deadline = Deadline::after(agent_time_max);
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

}  // namespace

// The launcher may be gone, and nobody read it: no reason to do anything else than otherwise.
void say_on_host(const char* what, const char* why) {
    (void)std::fprintf(stderr, "ipcrun: %s: %s\n", what, why);
}

int guard_agent(Connection connection, const std::vector<pid_t>& not_ours,
                const std::optional<BatchStep>& step) {
    become_subreaper();
    UniqueFd signals;
    if (step) {
        const sigset_t passed_on = step_signal_set();
        signals = UniqueFd(check_syscall(::signalfd(-1, &passed_on, SFD_CLOEXEC | SFD_NONBLOCK),
                                         "watch the signals of the batch system"));
    }
    UniqueFd launcher = copy_of_input(connection);
    UniqueFd own_end = open_pidfd(::getpid());
    const pid_t agent = ::fork();
    if (agent == 0) {
        launcher.reset();
        signals.reset();
        be_agent(std::move(connection), std::move(own_end), step);
    }
    check_syscall(agent, "start the agent (is there a limit on processes, ulimit -u?)");
    connection = StreamEnds();
    own_end.reset();
    const int status = wait_for_agent(agent, std::move(launcher), signals.get());
    (void)kill_descendants({.excluded = not_ours, .deadline = Deadline::after(sweep_time_max)});
    if (WIFSIGNALED(status))
        say_on_host("the agent was killed", describe_wait_status(status).c_str());
    return exit_status_of(status);
}

}  // namespace ipcrun
