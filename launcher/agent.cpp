// SPDX-License-Identifier: Apache-2.0
#include "launcher/agent.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "base/environment.hpp"
#include "base/event_loop.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/hosts/branches.hpp"
#include "launcher/hosts/launch_here.hpp"
#include "launcher/hosts/pulse.hpp"
#include "launcher/inputs.hpp"
#include "launcher/step_signals.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"
#include "launcher/switches.hpp"
#include "launcher/workers.hpp"
#include "topology/discover/discover.hpp"
#include "topology/discover/live_devices.hpp"

namespace ipcrun {

namespace {

// SIGKILL works within milliseconds, but for processes that are stuck in the kernel.
constexpr Seconds sweep_time_max{2.0};

// For the batch system to say that the launcher's end is one of the whole job.
constexpr std::chrono::milliseconds word_time_max{1000};

Route find_route(const Prepare& prepare, const std::optional<BatchStep>& step) {
    if (!prepare.interface.empty()) return {.own = address_of_interface(prepare.interface)};
    if (step) return step->route;
    const auto connection = environment_variable("SSH_CONNECTION");
    return prepare.is_remote && connection ? route_of(*connection) : Route();
}

class Agent {
  public:
    Agent(Connection launcher, UniqueFd guard, std::optional<BatchStep> step)
        : open_files_(raise_open_files()),
          guard_(std::move(guard)),
          step_(std::move(step)),
          frames_(loop_, std::move(launcher),
                  {.frame = [this](auto bytes) { handle(decode_to_agent(bytes)); },
                   .closed = [this] { lose_launcher(); }}),
          child_watch_(loop_.on_signal(SIGCHLD, [this] { reap(); })) {
        if (guard_)
            guard_watch_ = loop_.on_readable(guard_.get(), [] {
                fail(ErrorCode::system, "the process that guards it has ended (was it killed?)");
            });
        if (!step_) return;
        for (const int number : step_signals)
            step_watches_.push_back(loop_.on_signal(number, [this, number] { pass_on(number); }));
        release_step_signals();
    }

    /// Until the launcher is gone: it goes first, when it has been told that all is done.
    void run() {
        try {
            loop_.run();
        } catch (const Error& error) {
            send(Failed{error.what(), error.code == ErrorCode::usage});
        } catch (const std::exception& error) {
            send(Failed{error.what()});
        }
        branches_.reset();  // who is started from here sweeps, too
        (void)sweep();      // what survives it cannot be ended, and nobody is left to be told
        (void)frames_.flush();
    }

  private:
    void send(const ToLauncher& message) { frames_.send(encode(message)); }

    void handle(const ToAgent& message) {
        if (pulse_) pulse_->heard();
        std::visit([this](const auto& body) { act(body); }, message);
    }

    void act(const Prepare& prepare) {
        silence_max_ = Seconds(prepare.silence_max);
        start_pulse();
        const bool needs_devices = prepare.devices || topology::count_adapters() > 1;
        Ready ready{.machine = topology::discover(needs_devices),
                    .route = find_route(prepare, step_)};
        // Batch systems tell each node its own; else variables come with the ranks.
        if (step_) {
            ready.machine = show_gpus(std::move(ready.machine), read_surroundings().environment);
            ready.switches = own_switches();
        }
        send(ready);
    }
    void act(const Alive&) {}
    void act(const Adopt& adopt) {
        branches_.emplace(
            loop_, adopt,
            OtherHosts::Callbacks{.message =
                                      [this](int host, const ToLauncher& message) {
                                          send(FromHost{host, frame_of(encode(message))});
                                      },
                                  .lost =
                                      [this](int host, const std::string& why) {
                                          send(HostLost{host, why});
                                      }});
    }
    void act(const ForHost& message) {
        if (branches_) branches_->send(message.host, decode_to_agent(bytes_of(message.frame)));
    }
    void act(const JobDirectory& directory) {
        if (workers_) workers_->complete(directory);
    }
    void act(const RankEnded& ended) {
        if (workers_) workers_->mark_ended(ended);
    }
    void act(const Input& input) {
        if (workers_) workers_->pass_on(input);
    }
    void act(const Launch& launch) {
        if (workers_) fail(ErrorCode::protocol, "the launcher launched twice");
        try {
            workers_.emplace(loop_, prepare_launch(launch), open_files_,
                             [this](const ToLauncher& message) { send(message); });
        } catch (const Error& error) {
            const bool is_users = error.code == ErrorCode::usage || error.code == ErrorCode::config;
            return send(LaunchRefused{is_users, error.what()});
        }
        workers_->start();
        if (is_announced_) workers_->signal(SIGTERM);  // it was said before there were any
    }
    void act(const Consumed& consumed) {
        if (workers_) workers_->consumed(consumed);
    }
    void act(const Signal& signal) {
        if (signal.number == SIGTERM)
            terminate();
        else if (workers_)
            workers_->signal(signal.number);
        // The launcher stops with its job, and says nothing until it goes on.
        if (pulse_ && (signal.number == SIGSTOP || signal.number == SIGCONT))
            pulse_->expect_silence(signal.number == SIGSTOP);
    }
    void act(const Kill&) { (void)sweep(); }
    void act(const Finish&) {
        const int survivors = sweep();
        if (workers_) workers_->finish();
        send(Done{static_cast<std::uint32_t>(survivors)});
    }

    // Once, where the batch system has its own reasons to say it, too.
    void terminate() {
        if (workers_ && !(step_ && is_terminated_)) workers_->signal(SIGTERM);
        is_terminated_ = true;
    }

    // Comes from the batch system.
    void pass_on(int signal_number) {
        if (signal_number != SIGTERM) {
            if (workers_) workers_->signal(signal_number);
            return;
        }
        is_announced_ = true;
        terminate();
        send(Terminated{});
    }

    // A batch system ends the script, and the launcher in it, at once when it ends the job, and
    // gives the ranks time.
    void lose_launcher() {
        is_alone_ = true;
        if (!step_ || !workers_ || !workers_->are_running()) return loop_.stop();
        workers_->drop_output();
        if (is_announced_) return;
        word_limit_ = loop_.after(word_time_max, [this] {
            if (!is_announced_) loop_.stop();
        });
    }

    void start_pulse() {
        if (silence_max_ > Seconds(0))
            pulse_.emplace(loop_, silence_max_,
                           Pulse::Callbacks{.beat = [this] { send(Alive{}); },
                                            .silent = [this] { lose_launcher(); }});
    }

    int sweep() {
        if (workers_) workers_->expect_kill();
        return kill_descendants(
            {.excluded = branches_ ? branches_->processes() : std::vector<pid_t>(),
             .deadline = Deadline::after(sweep_time_max),
             .reaped = [this](pid_t pid, int status) { tell(pid, status); }});
    }
    void reap() {
        (void)reap_children([this](pid_t pid, int status) { tell(pid, status); });
    }
    void tell(pid_t pid, int status) {
        if (branches_ && branches_->reaped(pid, status)) return;
        if (workers_) workers_->reaped(pid, status);
        if (is_alone_ && workers_ && !workers_->are_running()) loop_.stop();
    }

    rlimit open_files_;
    UniqueFd guard_;
    std::optional<BatchStep> step_;
    EventLoop loop_;
    FrameStream frames_;
    SignalWatch child_watch_;
    FdWatch guard_watch_;
    Seconds silence_max_{0};
    std::optional<Pulse> pulse_;
    std::optional<Branches> branches_;  // hosts that it has adopted
    std::optional<Workers> workers_;
    std::vector<SignalWatch> step_watches_;
    Timer word_limit_;
    bool is_terminated_ = false;  // SIGTERM has been passed on
    bool is_announced_ = false;   // by the batch system
    bool is_alone_ = false;       // the launcher is gone
};

// The child of a fork: it must not return into its parent's code, nor run what that has at exit.
[[noreturn]] void be_agent(UniqueFd launcher) {
    try {
        run_agent(both_ways(std::move(launcher)));
        ::_exit(0);
    } catch (const std::exception& error) {
        // It could not even begin; the launcher knows only that it is gone.
        fmt::print(stderr, "ipcrun: the agent cannot start: {}\n", error.what());
        ::_exit(1);
    }
}

}  // namespace

void run_agent(Connection launcher, UniqueFd guard, std::optional<BatchStep> step) {
    become_subreaper();
    Agent(std::move(launcher), std::move(guard), std::move(step)).run();
}

LocalAgent start_local_agent() {
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
        be_agent(std::move(theirs));
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
