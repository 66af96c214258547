// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/node_agent.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "launcher/environment.hpp"
#include "launcher/plan.hpp"
#include "launcher/process_end.hpp"
#include "launcher/process_table.hpp"
#include "launcher/step/supervisor_process.hpp"
#include "runtime/wire/nic_environment.hpp"
#include "runtime/wire/step_protocol.hpp"

namespace ipcrun {

namespace {

// An end that only the batch system knows the reason of is no failure: who needs the rank is told.
constexpr int unknown_end = W_EXITCODE(0, 0);
// For ranks that nobody supervises any more, to end by themselves.
constexpr std::chrono::milliseconds farewell{2000};
// Of a killed process, from where it closes its descriptors to where others are told of its end.
constexpr Seconds supervisor_end_time_max{0.1};

RankPlace place_of(const topology::Spot& spot, int tree_parent) {
    const auto number = [](int index) { return static_cast<std::uint32_t>(index); };
    return {.package = number(spot.package),
            .numa = number(spot.numa_node),
            .last_level_cache = number(spot.last_level_cache),
            .l2 = number(spot.l2),
            .core = number(spot.core),
            .tree_parent = number(tree_parent + 1)};
}

// A task that has ended reads nothing any more.
void answer(int socket, const StepAnswer& message, std::span<const int> fds = {}) {
    try {
        (void)send_packet(socket, encode(message), fds);
    } catch (const Error&) {
        // Its end is met where that is watched.
    }
}

}  // namespace

NodeAgent::NodeAgent(const StepSeats& seats, int node, FindMachine find_machine, UniqueFd door,
                     UniqueFd agents, Deadline deadline)
    : seats_(seats),
      node_(node),
      find_machine_(std::move(find_machine)),
      deadline_(deadline),
      ranks_(seats.node(node_).ranks.size()),
      door_(std::move(door)),
      agents_socket_(std::move(agents)) {}

void NodeAgent::run(TaskArrival first) {
    try {
        arrive(std::move(first));
        limit_ = loop_.after(std::chrono::milliseconds(std::max(deadline_.remaining_ms(), 1)),
                             [this] { give_up_waiting(); });
        door_watch_ = loop_.on_readable(door_.get(), [this] { let_in_visitors(); });
        prepare();
        loop_.run();
    } catch (const Error& error) {
        refuse_all(error);
    } catch (const std::exception& error) {
        refuse_all(Error(ErrorCode::system, error.what()));
    }
    if (agents_) agents_->flush();
}

void NodeAgent::prepare() {
    machine_ = find_machine_(seats_.node(node_));
    watch_supervisor(ranks_.front().pid);
    agents_.emplace(
        loop_, seats_, node_, machine_, std::move(agents_socket_), deadline_,
        StepAgents::Callbacks{.ready =
                                  [this](const std::vector<int>& tree_parents) {
                                      tree_parents_ = tree_parents;
                                      seat_when_ready();
                                  },
                              .ended =
                                  [this](int rank, int wait_status) {
                                      if (!membership_)
                                          return ended_elsewhere_.push_back({rank, wait_status});
                                      wiring_->mark_ended(rank, wait_status);
                                      membership_->raise_alert();
                                      stop_when_over();
                                  }});
}

void NodeAgent::let_in_visitors() {
    auto visitor = let_in(door_.get(), seats_.card(0).secret);
    if (visitor) arrive(std::move(*visitor));
}

void NodeAgent::arrive(TaskArrival arrival) {
    const std::vector<int>& ranks = seats_.node(node_).ranks;
    const auto entry = std::find(ranks.begin(), ranks.end(), arrival.rank);
    if (entry == ranks.end() || membership_) return;
    const auto local = static_cast<int>(entry - ranks.begin());
    Rank& rank = ranks_[static_cast<std::size_t>(local)];
    if (rank.process) return;
    rank.process = std::move(arrival.process);
    rank.arrival = std::move(arrival);  // from here on it is told what fails
    ucred peer{};
    socklen_t bytes = sizeof peer;
    // Of who made the pair of sockets: the task itself.
    check_syscall(::getsockopt(rank.arrival->answer.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes),
                  "ask who a rank is");
    rank.pid = peer.pid;
    rank.process_watch = loop_.on_readable(rank.process.get(), [this, local] { end_seen(local); });
    seat_when_ready();
}

void NodeAgent::seat_when_ready() {
    const bool are_all_here = std::all_of(
        ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.arrival.has_value(); });
    if (!are_all_here || !tree_parents_ || membership_) return;
    if (seats_.nodes.size() > 1) {
        std::vector<UniqueFd> listeners;
        for (Rank& rank : ranks_) listeners.push_back(std::move(rank.arrival->listener));
        wiring_.emplace(std::move(listeners));
        wiring_->complete(make_directory(seats_, *tree_parents_));
        for (const auto& [rank, status] : ended_elsewhere_) wiring_->mark_ended(rank, status);
    }
    membership_.emplace(
        loop_,
        Membership::Shape{.ranks = count(),
                          .wiring = wiring_ ? &*wiring_ : nullptr,
                          .usable_cpus = usable_cpus(machine_),
                          .arena_bytes = arena_bytes(machine_, count()),
                          .secret = seats_.card(0).secret},
        Membership::Callbacks{
            .report = [](int, const Report&) {},
            .fence = [this](int local) { fence(local); },
            .closed = [this](int local, UniqueFd socket) { left(local, std::move(socket)); }});
    limit_.reset();
    door_watch_.reset();
    door_.reset();
    const std::vector<topology::Place> places = places_on(seats_, node_, machine_);
    for (int local = 0; local < count(); ++local)
        membership_->set_place(
            local, place_of(places[static_cast<std::size_t>(local)].spot,
                            (*tree_parents_)[static_cast<std::size_t>(rank_at(local))]));
    for (int local = 0; local < count(); ++local) {
        Seated seated{seats_.place_of(rank_at(local)).format()};
        const topology::Place& place = places[static_cast<std::size_t>(local)];
        if (place.nic >= 0)
            add_nic(seated.settings, machine_.nics[static_cast<std::size_t>(place.nic)]);
        seat(local, seated);
    }
}

void NodeAgent::seat(int local, const Seated& seated) {
    Rank& rank = ranks_[static_cast<std::size_t>(local)];
    const UniqueFd control = membership_->open_socket(local);
    const int control_fd = control.get();
    membership_->worker_started(local, rank.pid);
    answer(rank.arrival->answer.get(), seated, {&control_fd, 1});
    rank.arrival.reset();
}

void NodeAgent::end_seen(int local) {
    const Rank& rank = ranks_[static_cast<std::size_t>(local)];
    if (!membership_)
        fail(ErrorCode::peer_lost, "{} has ended before all others had come",
             seats_.describe(rank_at(local)));
    has_any_vanished_ = true;
    end(local, end_of_other(rank.pid, rank.process.get()).value_or(unknown_end));
}

// It has said goodbye, and waits for us to go first: slurmstepd takes a second to clear up a node
// where it finds anything after the last task.
void NodeAgent::left(int local, UniqueFd socket) {
    if (!membership_->has_left(local)) return;
    const bool is_last = std::count_if(ranks_.begin(), ranks_.end(),
                                       [](const Rank& one) { return !one.is_over; }) == 1;
    if (is_last) last_sockets_.push_back(std::move(socket));
    end(local, unknown_end);
}

void NodeAgent::end(int local, int wait_status) {
    Rank& rank = ranks_[static_cast<std::size_t>(local)];
    if (std::exchange(rank.is_over, true)) return;
    rank.process_watch.reset();
    membership_->worker_ended(local, wait_status);
    agents_->tell_of_end(rank_at(local), wait_status);
    stop_when_over();
}

// Without a supervisor srun has to be told that its step is over, and that it is when all are.
void NodeAgent::stop_when_over() {
    const bool are_all_over =
        std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& one) { return one.is_over; });
    if (!are_all_over) return;
    // It may be on its way out, and seen to end after those whose output it took.
    const Seconds patience = has_any_vanished_ ? supervisor_end_time_max : Seconds(0);
    const bool is_supervised =
        !supervisor_ || !wait_readable(supervisor_.get(), Deadline::after(patience));
    if (!is_supervised && (!is_cleared_up_ || !agents_->are_others_over())) return;
    loop_.stop();
    if (!is_supervised) end_step();
}

void NodeAgent::fence(int local) {
    const Rank& rank = ranks_[static_cast<std::size_t>(local)];
    (void)::syscall(SYS_pidfd_send_signal, rank.process.get(), SIGKILL, nullptr, 0);
}

void NodeAgent::give_up_waiting() {
    std::string names = agents_ ? agents_->missing() : "";
    for (int local = 0; local < count(); ++local)
        if (!ranks_[static_cast<std::size_t>(local)].process)
            names +=
                fmt::format("{}{}", names.empty() ? "" : ", ", seats_.describe(rank_at(local)));
    fail(ErrorCode::timeout, "these have not come in time: {} ({} makes them wait for longer)",
         names.empty() ? "the plan of node 0" : names, join_timeout_variable);
}

void NodeAgent::refuse_all(const Error& error) {
    for (Rank& rank : ranks_)
        if (rank.arrival) answer(rank.arrival->answer.get(), NotSeated{error.code, error.what()});
    // Those who are on their way.
    while (door_ && wait_readable(door_.get(), Deadline::after(Seconds(0))))
        if (const auto visitor = let_in(door_.get(), seats_.card(0).secret))
            answer(visitor->answer.get(), NotSeated{error.code, error.what()});
}

// A batch system's own process that ends its tasks, and would not any more.
void NodeAgent::watch_supervisor(pid_t task) {
    supervisor_ = find_supervisor(task);
    if (supervisor_)
        supervisor_watch_ = loop_.on_readable(supervisor_.get(), [this] { supervisor_ended(); });
}

// Ranks are asked to end, and then all is killed that they have started, as the batch system does.
void NodeAgent::supervisor_ended() {
    supervisor_watch_.reset();
    if (!membership_)
        fail(ErrorCode::peer_lost, "the slurmstepd of node {} has ended", seats_.node(node_).host);
    for (const Rank& rank : ranks_) {
        if (rank.is_over) continue;
        // Tasks of Slurm lead a group each, which is there as long as one of it is.
        if (::getpgid(rank.pid) == rank.pid && ::kill(-rank.pid, SIGTERM) == 0)
            groups_.push_back(rank.pid);
        (void)::syscall(SYS_pidfd_send_signal, rank.process.get(), SIGTERM, nullptr, 0);
    }
    clearing_ = loop_.after(farewell, [this] { clear_up(); });
}

void NodeAgent::clear_up() {
    for (const pid_t group : groups_) (void)::kill(-group, SIGKILL);
    for (const Rank& rank : ranks_)
        if (!rank.is_over)
            (void)::syscall(SYS_pidfd_send_signal, rank.process.get(), SIGKILL, nullptr, 0);
    is_cleared_up_ = true;
    stop_when_over();
}

}  // namespace ipcrun
