// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr int timeout_status = 124;  // as timeout(1)
constexpr int broken_pipe_status = 128 + SIGPIPE;
constexpr int own_failure_status = 1;
// For what an interrupted job has still to write, when nobody seems to read it.
constexpr std::chrono::milliseconds write_time_max{250};
constexpr Seconds agent_time_max{3.0};  // longer than the agent's own sweep may take
constexpr Seconds sweep_time_max{2.0};

bool is_same_file(int first, int second) {
    struct stat a = {};
    struct stat b = {};
    return ::fstat(first, &a) == 0 && ::fstat(second, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

}  // namespace

Supervisor::Supervisor(const Order& order, LocalAgent agent, std::vector<pid_t> own_children)
    : order_(order),
      own_children_(std::move(own_children)),
      agent_(std::move(agent.process)),
      frames_(loop_, std::move(agent.socket),
              {.frame =
                   [this](auto bytes) {
                       std::visit([this](const auto& message) { this->act(message); },
                                  decode_to_launcher(bytes));
                   },
               .closed = [this] { agent_lost(); }}),
      signals_(loop_, order.surroundings.ignored_signals,
               {.interrupt = [this](int number) { interrupt(number); },
                .forward = [this](int number) { send(Signal{number}); },
                .suspend = [this] { suspend(); },
                .resume = [this] { send(Signal{SIGCONT}); }}),
      policy_(Seconds(order.options.grace_seconds)) {
    open_writers();
}

void Supervisor::open_writers() {
    const auto open = [this](int fd) {
        return std::make_shared<OutputWriter>(
            loop_, fd, order_.options.tag_output,
            OutputWriter::Callbacks{
                .consumed = [this](const Consumed& consumed) { send(consumed); },
                .broken =
                    [this, fd](int error_number) {
                        if (fd == STDOUT_FILENO) output_broken(error_number);
                    },
                .idle = [this] { stop_when_written(); }});
    };
    writers_[0] = open(STDOUT_FILENO);
    writers_[1] = is_same_file(STDOUT_FILENO, STDERR_FILENO) ? writers_[0] : open(STDERR_FILENO);
}

int Supervisor::run() {
    try {
        loop_.run();
    } catch (...) {
        end_agent();
        throw;
    }
    end_agent();
    return policy_.exit_status();
}

void Supervisor::act(const Ready& ready) {
    if (ready.version != agent_protocol_version)
        fail(ErrorCode::protocol, "the agent speaks version {} of the protocol, not {}",
             ready.version, agent_protocol_version);
    const auto& [options, inputs, program, surroundings] = order_;
    topology::Cluster cluster = cluster_to_run_on(inputs, ready.machine, surroundings.environment);
    check_rank_count(options.ranks.value_or(1));
    const PlanWish wish =
        make_wish(options, inputs, cluster.machine_of(0), surroundings.environment);
    if (!wish.warning.empty()) say(fmt::format("ipcrun: warning: {}\n", wish.warning));
    const JobPlan plan(std::move(cluster), wish);
    const Launch launch = make_launch(options, program, surroundings, plan);
    if (options.report_bindings) say(format_bindings(launch, plan.cluster().machine_of(0)));
    ranks_to_start_ = static_cast<int>(launch.ranks.size());
    is_launched_ = true;
    send(launch);
    if (options.timeout_seconds)
        time_limit_ = loop_.after(
            std::chrono::ceil<std::chrono::milliseconds>(Seconds(*options.timeout_seconds)),
            [this] { time_out(); });
}

void Supervisor::act(const Started&) {
    --ranks_to_start_;
    ++ranks_running_;
}

void Supervisor::act(const SpawnFailed& failed) {
    say(fmt::format("ipcrun: start rank {}: {}\n", failed.rank, failed.reason));
    ranks_to_start_ = 0;
    carry_out(policy_.stop(own_failure_status, Clock::now()));
    finish_when_ended();
}

void Supervisor::act(const Output& output) {
    writer(output.stream).write(output);
}

void Supervisor::act(const RankReport& report) {
    say(reports_.reported(report));
}

void Supervisor::act(const Ended& ended) {
    --ranks_running_;
    if (ended.wait_status != 0) {
        say(reports_.ended(ended, policy_.is_stopping()));
        policy_.rank_failed(exit_status_of(ended.wait_status), reports_.is_secondary(ended.rank),
                            Clock::now());
        carry_out({});
    }
    finish_when_ended();
}

void Supervisor::act(const Failed& failed) {
    throw Error(ErrorCode::system, fmt::format("the agent failed: {}", failed.reason));
}

void Supervisor::act(const Done& done) {
    is_done_ = true;
    if (done.survivors > 0)
        say(
            fmt::format("ipcrun: {} processes of the job cannot be killed (are they stuck in the "
                        "kernel, or another user's?)\n",
                        done.survivors));
    if (!policy_.was_interrupted())
        say(reports_.summary());
    else
        write_limit_ = loop_.after(write_time_max, [this] { loop_.stop(); });
    stop_when_written();
}

void Supervisor::interrupt(int signal_number) {
    const Policy::Action action = policy_.interrupted(signal_number, Clock::now());
    if (!is_launched_ || is_done_) return loop_.stop();
    carry_out(action);
}

void Supervisor::suspend() {
    // Not TSTP: a program that handles it would run on without us.
    send(Signal{SIGSTOP});
    (void)frames_.flush();
    check_syscall(::raise(SIGSTOP), "stop");
}

void Supervisor::time_out() {
    if (policy_.is_stopping()) return;
    say(fmt::format("ipcrun: the job took longer than {} s (--timeout)\n",
                    *order_.options.timeout_seconds));
    carry_out(policy_.stop(timeout_status, Clock::now()));
}

void Supervisor::output_broken(int error_number) {
    // Whoever closed a pipe knows; nothing else is to be taken in silence.
    if (error_number != EPIPE)
        say(fmt::format("ipcrun: write to standard output: {}\n", ::strerror(error_number)));
    carry_out(policy_.stop(error_number == EPIPE ? broken_pipe_status : own_failure_status,
                           Clock::now()));
}

void Supervisor::agent_lost() {
    if (is_done_) return;  // it may go now
    siginfo_t info = {};
    (void)::waitid(P_PIDFD, static_cast<id_t>(agent_.pidfd.get()), &info, WEXITED | WNOWAIT);
    const bool was_signalled = info.si_code != CLD_EXITED;
    fail(ErrorCode::system, "the agent (pid {}) {} {}; the job has been ended", agent_.pid,
         was_signalled ? "was killed by" : "ended with",
         describe_wait_status(was_signalled ? info.si_status : W_EXITCODE(info.si_status, 0)));
}

// It has been told to kill the job and does not (somebody may have stopped it): its part is ours.
void Supervisor::agent_stuck() {
    if (is_done_) return;
    (void)agent_.signal(SIGKILL);
    fail(ErrorCode::system, "the agent (pid {}) does not answer; the job has been ended",
         agent_.pid);
}

void Supervisor::carry_out(const Policy::Action& action) {
    if (action.signal != 0) {
        send(Signal{action.signal});
        send(Signal{SIGCONT});  // a stopped worker cannot answer
    }
    if (action.kill && !agent_limit_) {
        send(Kill{});
        agent_limit_ = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(agent_time_max),
                                   [this] { agent_stuck(); });
    }
    policy_timer_.reset();
    const auto deadline = policy_.next_deadline();
    if (!deadline) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    policy_timer_ = loop_.after(std::max(left, std::chrono::milliseconds(0)),
                                [this] { carry_out(policy_.advance(Clock::now())); });
}

void Supervisor::finish_when_ended() {
    if (ranks_to_start_ > 0 || ranks_running_ > 0) return;
    policy_timer_.reset();
    time_limit_.reset();
    send(Finish{});
}

void Supervisor::stop_when_written() {
    if (is_done_ && writers_[0]->is_idle() && writers_[1]->is_idle()) loop_.stop();
}

void Supervisor::end_agent() {
    frames_.close();  // which the agent takes for our end: it sweeps, and exits
    (void)wait_readable(agent_.pidfd.get(), Deadline::after(agent_time_max));
    (void)kill_descendants(
        {.excluded = own_children_, .deadline = Deadline::after(sweep_time_max)});
}

}  // namespace ipcrun
