// SPDX-License-Identifier: Apache-2.0
#include "launcher/agent.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "base/event_loop.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/sweep.hpp"
#include "launcher/workers.hpp"
#include "topology/discover/discover.hpp"

namespace ipcrun {

namespace {

// SIGKILL works within milliseconds, but for processes that are stuck in the kernel.
constexpr Seconds sweep_time_max{2.0};

class Agent {
  public:
    Agent(UniqueFd launcher, bool devices)
        : devices_(devices),
          open_files_(raise_open_files()),
          frames_(loop_, std::move(launcher),
                  {.frame = [this](auto bytes) { handle(decode_to_agent(bytes)); },
                   .closed = [this] { loop_.stop(); }}),
          child_watch_(loop_.on_signal(SIGCHLD, [this] { reap(); })) {}

    /// Until the launcher is gone: it goes first, when it has been told that all is done.
    void run() {
        try {
            send(Ready{.machine = topology::discover(devices_)});
            loop_.run();
        } catch (const std::exception& error) {
            send(Failed{error.what()});
        }
        (void)sweep();  // what survives it cannot be ended, and nobody is left to be told
        (void)frames_.flush();
    }

  private:
    void send(const ToLauncher& message) { frames_.send(encode(message)); }

    void handle(const ToAgent& message) {
        std::visit([this](const auto& body) { act(body); }, message);
    }

    void act(const Launch& launch) {
        if (workers_) fail(ErrorCode::protocol, "the launcher launched twice");
        workers_.emplace(loop_, launch, open_files_,
                         [this](const ToLauncher& message) { send(message); });
        workers_->start();
    }
    void act(const Consumed& consumed) {
        if (workers_) workers_->consumed(consumed);
    }
    void act(const Signal& signal) {
        if (workers_) workers_->signal(signal.number);
    }
    void act(const Kill&) { (void)sweep(); }
    void act(const Finish&) {
        const int survivors = sweep();
        if (workers_) workers_->finish();
        send(Done{static_cast<std::uint32_t>(survivors)});
    }

    int sweep() {
        if (workers_) workers_->expect_kill();
        return kill_descendants({.deadline = Deadline::after(sweep_time_max),
                                 .reaped = [this](pid_t pid, int status) { tell(pid, status); }});
    }
    void reap() {
        (void)reap_children([this](pid_t pid, int status) { tell(pid, status); });
    }
    void tell(pid_t pid, int status) {
        if (workers_) workers_->reaped(pid, status);
    }

    bool devices_;
    rlimit open_files_;
    EventLoop loop_;
    FrameStream frames_;
    SignalWatch child_watch_;
    std::optional<Workers> workers_;
};

// The child of a fork: it must not return into its parent's code, nor run what that has at exit.
[[noreturn]] void be_agent(UniqueFd launcher, bool devices) {
    try {
        run_agent(std::move(launcher), devices);
        ::_exit(0);
    } catch (const std::exception& error) {
        // It could not even begin; the launcher knows only that it is gone.
        fmt::print(stderr, "ipcrun: the agent cannot start: {}\n", error.what());
        ::_exit(1);
    }
}

}  // namespace

void run_agent(UniqueFd launcher, bool devices) {
    become_subreaper();
    Agent(std::move(launcher), devices).run();
}

LocalAgent start_local_agent(bool devices) {
    auto [ours, theirs] = create_socket_pair(SocketKind::stream);
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    check(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0, "block signals");
    const pid_t pid = ::fork();
    if (pid == 0) {
        ours.reset();
        ignore_terminal_signals();
        (void)::setpgid(0, 0);  // cannot fail for a process that has just been born
        check(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "restore signals");
        be_agent(std::move(theirs), devices);
    }
    const int fork_errno = errno;
    check(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "restore signals");
    if (pid < 0)
        fail_errno(fork_errno, "start the agent (is there a limit on processes, ulimit -u?)");
    UniqueFd pidfd(
        static_cast<int>(check_syscall(::syscall(SYS_pidfd_open, pid, 0), "watch the agent")));
    return {{pid, std::move(pidfd)}, std::move(ours)};
}

}  // namespace ipcrun
