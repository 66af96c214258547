// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fail.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr int timeout_status = 124;  // as timeout(1)
constexpr int broken_pipe_status = 128 + SIGPIPE;
constexpr int own_failure_status = 1;
constexpr int usage_status = 2;
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

Supervisor::Supervisor(const Order& order, std::optional<Fleet::Own> own,
                       std::vector<pid_t> own_children)
    : order_(order),
      own_children_(std::move(own_children)),
      fleet_(loop_, order.hosts, std::move(own), start_of(order.options, order.slurm_job),
             {.devices = needs_devices(order.options) || !order.slurm_job.empty(),
              .silence_max = order.options.host_timeout_seconds,
              .interface = order.options.interface},
             {.ready = [this] { launch(); },
              .message =
                  [this](int host, const ToLauncher& message) {
                      std::visit([&](const auto& body) { this->act(host, body); }, message);
                  },
              .lost = [this](int host, const std::string& why) { lose(host, why); }}),
      signals_(loop_, order.surroundings.ignored_signals,
               {.interrupt = [this](int number) { interrupt(number); },
                .forward = [this](int number) { fleet_.send_to_all(Signal{number}); },
                .suspend = [this] { suspend(); },
                .resume = [this] { fleet_.send_to_all(Signal{SIGCONT}); }}),
      policy_(Seconds(order.options.grace_seconds)),
      hosts_(order.hosts.size()) {
    open_writers();
}

void Supervisor::open_writers() {
    const auto open = [this](int fd) {
        return std::make_shared<OutputWriter>(
            loop_, fd, order_.options.tag_output,
            OutputWriter::Callbacks{
                .consumed = [this](int host,
                                   const Consumed& consumed) { fleet_.send(host, consumed); },
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
        end_agents();
        throw;
    }
    end_agents();
    return policy_.exit_status();
}

topology::Cluster Supervisor::make_cluster() const {
    const auto& [options, hosts, own_host, slurm_job, inputs, program, surroundings] = order_;
    if (hosts.size() == 1 && hosts[0].name.empty())
        return cluster_to_run_on(inputs, fleet_.readies()[0].machine, surroundings.environment);
    return cluster_of_hosts(hosts, fleet_.readies(), surroundings.environment);
}

void Supervisor::launch() {
    const auto& [given, hosts, own_host, slurm_job, inputs, program, surroundings] = order_;
    topology::Cluster cluster = make_cluster();
    Options options = given;
    const std::string note = unbind_among_strangers(options, hosts, cluster);
    if (options.verbose && !note.empty()) say(fmt::format("ipcrun: {}\n", note));
    check_rank_count(options.ranks.value_or(1), hosts.size());
    const PlanWish wish =
        make_wish(options, inputs, cluster.machine_of(0), surroundings.environment);
    if (!wish.warning.empty()) say(fmt::format("ipcrun: warning: {}\n", wish.warning));
    const JobPlan plan(std::move(cluster), wish);
    std::vector<Launch> launches =
        make_launches(options, hosts, own_host, program, surroundings, plan);
    if (options.report_bindings) say(format_bindings(launches, plan));
    give_addresses(launches);
    tree_parents_ = plan.rank_tree().parent;
    is_launched_ = true;
    for (int host = 0; host < fleet_.size(); ++host) {
        const Launch& launch = launches[static_cast<std::size_t>(host)];
        OfHost& state = hosts_[static_cast<std::size_t>(host)];
        const auto ranks = plan.placement().ranks_of(host);
        state.ranks.assign(ranks.begin(), ranks.end());
        state.to_start = static_cast<int>(state.ranks.size());
        if (state.to_start > 0) fleet_.send(host, launch);
        if (launch.stdin_is_sent && launch.stdin_rank != no_rank)
            input_.emplace(loop_, [this, host](const Input& input) { fleet_.send(host, input); });
    }
    if (options.timeout_seconds)
        time_limit_ = loop_.after(
            std::chrono::ceil<std::chrono::milliseconds>(Seconds(*options.timeout_seconds)),
            [this] { time_out(); });
}

int Supervisor::rank_of(int host, int local_rank) const {
    const std::vector<int>& ranks = hosts_[static_cast<std::size_t>(host)].ranks;
    if (local_rank < 0 || local_rank >= static_cast<int>(ranks.size()))
        fail(ErrorCode::protocol, "{} speaks of a rank that it does not have", fleet_.name(host));
    return ranks[static_cast<std::size_t>(local_rank)];
}

// All hosts may have the same to say: one is enough.
void Supervisor::act(int host, const LaunchRefused& refused) {
    if (!policy_.is_stopping())
        say(fmt::format("ipcrun: start ranks{}: {}\n", on_host(host), refused.reason));
    hosts_[static_cast<std::size_t>(host)].to_start = 0;
    carry_out(policy_.stop(refused.is_users ? usage_status : own_failure_status, Clock::now()));
    finish_when_ended();
}

void Supervisor::act(int host, const Started&) {
    OfHost& state = hosts_[static_cast<std::size_t>(host)];
    if (state.to_start == 0)
        fail(ErrorCode::protocol, "{} has started more ranks than it was to", fleet_.name(host));
    --state.to_start;
    ++state.running;
}

void Supervisor::act(int host, const SpawnFailed& failed) {
    say(fmt::format("ipcrun: start rank {}{}: {}\n", rank_of(host, failed.rank), on_host(host),
                    failed.reason));
    hosts_[static_cast<std::size_t>(host)].to_start = 0;
    carry_out(policy_.stop(own_failure_status, Clock::now()));
    finish_when_ended();
}

void Supervisor::give_addresses(std::vector<Launch>& launches) {
    const auto has_ranks = [](const Launch& launch) { return !launch.ranks.empty(); };
    if (std::count_if(launches.begin(), launches.end(), has_ranks) < 2) return;
    std::vector<Route> routes;
    for (const Ready& ready : fleet_.readies()) routes.push_back(ready.route);
    const auto addresses =
        choose_addresses(routes, order_.own_host, order_.options.interface,
                         order_.slurm_job.empty() ? reached_by_ssh : seen_by_launcher);
    if (order_.options.verbose)
        for (const std::string& line : describe_addresses(order_.hosts, addresses))
            say(fmt::format("ipcrun: {}\n", line));
    for (std::size_t host = 0; host < launches.size(); ++host) {
        if (!has_ranks(launches[host])) continue;
        if (addresses[host].address.empty())
            fail(ErrorCode::usage,
                 "find an address of host {} at which the others can reach it: nothing tells one "
                 "(name a network interface that all hosts have by --iface)",
                 order_.hosts[host].name);
        launches[host].address = addresses[host].address;
    }
}

// When all agents listen for their ranks, all are told where: ranks may wait for it to join.
void Supervisor::act(int host, const Listening& listening) {
    OfHost& state = hosts_[static_cast<std::size_t>(host)];
    if (listening.addresses.size() != state.ranks.size())
        fail(ErrorCode::protocol, "{} listens for {} ranks, and has {}", fleet_.name(host),
             listening.addresses.size(), state.ranks.size());
    state.addresses = listening.addresses;
    JobDirectory directory;
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        const OfHost& one = hosts_[index];
        if (one.addresses.size() != one.ranks.size()) return;  // not yet
        directory.hosts.push_back(order_.hosts[index].name);
        for (std::size_t local = 0; local < one.ranks.size(); ++local) {
            const auto rank = static_cast<std::size_t>(one.ranks[local]);
            if (directory.seats.size() <= rank) directory.seats.resize(rank + 1);
            directory.seats[rank] = {static_cast<std::uint32_t>(index),
                                     static_cast<std::uint32_t>(local), one.addresses[local],
                                     static_cast<std::uint32_t>(tree_parents_[rank] + 1)};
        }
    }
    fleet_.send_to_all(directory);
}

// To those on other hosts: on its own its agent tells.
void Supervisor::tell_of_end(int rank, int host, int wait_status) {
    for (int other = 0; other < fleet_.size(); ++other)
        if (other != host) fleet_.send(other, RankEnded{rank, wait_status});
}

void Supervisor::act(int, const InputTaken& taken) {
    if (input_) input_->taken(taken);
}

void Supervisor::act(int host, const Output& output) {
    Output of_job = output;
    of_job.rank = rank_of(host, output.rank);
    writer(output.stream).write(host, of_job);
}

void Supervisor::act(int host, const RankReport& report) {
    RankReport of_job = report;
    of_job.rank = rank_of(host, report.rank);
    say(reports_.reported(of_job));
}

void Supervisor::act(int host, const Ended& ended) {
    Ended of_job = ended;
    of_job.rank = rank_of(host, ended.rank);
    --hosts_[static_cast<std::size_t>(host)].running;
    tell_of_end(of_job.rank, host, ended.wait_status);
    if (ended.wait_status != 0) {
        say(reports_.ended(of_job, on_host(host), policy_.is_stopping()));
        policy_.rank_failed(exit_status_of(ended.wait_status), reports_.is_secondary(of_job.rank),
                            Clock::now());
        carry_out({});
    }
    finish_when_ended();
}

void Supervisor::act(int host, const Failed& failed) {
    if (failed.is_users)
        fail(ErrorCode::usage, "{}{}", failed.reason,
             hosts_.size() == 1 ? "" : fmt::format(" (it is so{})", on_host(host)));
    fail(ErrorCode::system, "{} failed: {}", fleet_.name(host), failed.reason);
}

void Supervisor::act(int host, const Done& done) {
    if (!is_finishing_)
        fail(ErrorCode::protocol, "{} says that it is done before the job is", fleet_.name(host));
    fleet_.expect_end(host);
    hosts_[static_cast<std::size_t>(host)].is_done = true;
    if (done.survivors > 0)
        say(
            fmt::format("ipcrun: {} processes of the job{} cannot be killed (are they stuck in the "
                        "kernel, or another user's?)\n",
                        done.survivors, on_host(host)));
    end_when_done();
}

void Supervisor::act(int, const Terminated&) {
    policy_.terminated();
    if (!is_launched_ || is_done()) return loop_.stop();
    // Where Slurm has lost its own process on a node, nobody else tells the ranks.
    carry_out({.signal = SIGTERM});
}

template <typename Other>
void Supervisor::act(int host, const Other&) {
    fail(ErrorCode::protocol, "{} says what makes no sense now", fleet_.name(host));
}

// Its ranks are lost with it.
void Supervisor::lose(int host, const std::string& why) {
    if (!is_launched_) fail(ErrorCode::system, "{}", why);
    OfHost& state = hosts_[static_cast<std::size_t>(host)];
    say(fmt::format("ipcrun: {}; the job has been ended\n", why));
    state.to_start = state.running = 0;
    state.is_done = true;
    for (const int rank : state.ranks) tell_of_end(rank, host, host_lost_status);
    // The others may say what they were at, as when a rank fails.
    policy_.host_lost(own_failure_status, Clock::now());
    carry_out({});
    finish_when_ended();
    end_when_done();
}

void Supervisor::end_when_done() {
    if (!is_done()) return;
    if (!policy_.was_interrupted())
        say(reports_.summary());
    else
        write_limit_ = loop_.after(write_time_max, [this] { loop_.stop(); });
    stop_when_written();
}

bool Supervisor::is_done() const {
    return std::all_of(hosts_.begin(), hosts_.end(),
                       [](const OfHost& state) { return state.is_done; });
}

std::string Supervisor::on_host(int host) const {
    const std::string& name = order_.hosts[static_cast<std::size_t>(host)].name;
    return name.empty() ? "" : fmt::format(" on host {}", name);
}

void Supervisor::interrupt(int signal_number) {
    // Slurm tells the launcher, too, if it is in a step, and may say it twice: that is no haste.
    if (signal_number == SIGTERM && !order_.slurm_job.empty() && policy_.was_interrupted()) return;
    const Policy::Action action = policy_.interrupted(signal_number, Clock::now());
    if (!is_launched_ || is_done()) return loop_.stop();
    carry_out(action);
}

void Supervisor::suspend() {
    // Not TSTP: a program that handles it would run on without us.
    fleet_.send_to_all(Signal{SIGSTOP});
    fleet_.flush();
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

// They have been told to kill the job and do not (somebody may have stopped them).
void Supervisor::agents_stuck() {
    std::string names;
    int count = 0;
    for (int host = 0; host < fleet_.size(); ++host) {
        if (hosts_[static_cast<std::size_t>(host)].is_done) continue;
        fleet_.expect_end(host);
        fleet_.kill(host);
        names += (names.empty() ? "" : ", ") + fleet_.name(host);
        ++count;
    }
    if (count > 0)
        fail(ErrorCode::system, "{} {} not answer; the job has been ended", names,
             count == 1 ? "does" : "do");
}

void Supervisor::carry_out(const Policy::Action& action) {
    if (action.signal != 0) {
        fleet_.send_to_all(Signal{action.signal});
        fleet_.send_to_all(Signal{SIGCONT});  // a stopped worker cannot answer
    }
    if (action.kill && !agent_limit_) {
        fleet_.send_to_all(Kill{});
        agent_limit_ = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(kill_time_max()),
                                   [this] { agents_stuck(); });
    }
    policy_timer_.reset();
    const auto deadline = policy_.next_deadline();
    if (!deadline) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    policy_timer_ = loop_.after(std::max(left, std::chrono::milliseconds(0)),
                                [this] { carry_out(policy_.advance(Clock::now())); });
}

// What comes from other hosts may be late by as much as a host may be silent.
Seconds Supervisor::kill_time_max() const {
    const bool has_others = fleet_.size() > 1 || order_.own_host < 0;
    const Seconds silence_max{order_.options.host_timeout_seconds};
    return has_others ? std::max(agent_time_max, silence_max) : agent_time_max;
}

void Supervisor::finish_when_ended() {
    if (is_finishing_ || std::any_of(hosts_.begin(), hosts_.end(), [](const OfHost& state) {
            return state.to_start > 0 || state.running > 0;
        }))
        return;
    is_finishing_ = true;
    policy_timer_.reset();
    time_limit_.reset();
    fleet_.send_to_all(Finish{});
}

void Supervisor::stop_when_written() {
    if (is_done() && writers_[0]->is_idle() && writers_[1]->is_idle()) loop_.stop();
}

void Supervisor::end_agents() {
    fleet_.end(Deadline::after(agent_time_max));
    (void)kill_descendants(
        {.excluded = own_children_, .deadline = Deadline::after(sweep_time_max)});
}

}  // namespace ipcrun
