// SPDX-License-Identifier: Apache-2.0
#include "launcher/workers.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <utility>

#include "base/fail.hpp"
#include "launcher/plan.hpp"
#include "launcher/program.hpp"

namespace ipcrun {

namespace {

UniqueFd open_null() {
    return UniqueFd(check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
}

RankPlace place_of(const RankSpec& spec) {
    const auto number = [](std::int32_t index) { return static_cast<std::uint32_t>(index); };
    return {.package = number(spec.spot.package),
            .numa = number(spec.spot.numa_node),
            .last_level_cache = number(spec.spot.last_level_cache),
            .l2 = number(spec.spot.l2),
            .core = number(spec.spot.core),
            .tree_parent = number(spec.tree_parent + 1)};
}

}  // namespace

Workers::Workers(EventLoop& loop, Launch launch, rlimit open_files, Send send)
    : loop_(loop),
      launch_(std::move(launch)),
      open_files_(open_files),
      send_(std::move(send)),
      sender_([this](const Output& output) { send_(output); }),
      wiring_(launch_.address.empty()
                  ? std::nullopt
                  : std::make_optional<Wiring>(launch_.address,
                                               static_cast<int>(launch_.ranks.size()))),
      membership_(loop,
                  {.ranks = static_cast<int>(launch_.ranks.size()),
                   .wiring = wiring_ ? &*wiring_ : nullptr,
                   .usable_cpus = launch_.usable_cpus,
                   .arena_bytes = launch_.arena_bytes,
                   .secret = launch_.secret},
                  {.report = [this](int rank, const Report& report) { forward(rank, report); },
                   .fence = [this](int rank) { fence(rank); }}),
      null_(open_null()),
      // Occupies the number of the control socket, so that nothing that is to be passed on has it.
      placeholder_(::fcntl(null_.get(), F_DUPFD_CLOEXEC, control_fd_number)) {
    if (launch_.stdin_is_sent && launch_.stdin_rank != no_rank)
        input_.emplace(loop_, [this](const InputTaken& taken) { send_(taken); });
}

void Workers::start() {
    if (wiring_) send_(Listening{wiring_->addresses()});
    // Of all ranks before the first runs: those that meet compare their neighbours'.
    for (int rank = 0; rank < static_cast<int>(launch_.ranks.size()); ++rank) {
        const RankSpec& spec = launch_.ranks[static_cast<std::size_t>(rank)];
        membership_.set_place(rank, place_of(spec));
    }
    for (int rank = 0; rank < static_cast<int>(launch_.ranks.size()); ++rank) {
        auto worker = std::make_unique<Worker>(loop_, sender_, rank, launch_.whole_lines);
        try {
            worker->child = spawn_worker(*worker);
        } catch (const Error& error) {
            send_(SpawnFailed{
                rank, std::string(error.what()) + std::string(spawn_advice(error.system_errno))});
            break;
        }
        const pid_t pid = worker->child.pid;
        membership_.worker_started(rank, pid);
        running_.emplace(pid, worker.get());
        workers_.push_back(std::move(worker));
        send_(Started{rank, pid});
    }
    release_stdin();
}

void Workers::complete(const JobDirectory& directory) {
    if (!wiring_) return;
    wiring_->complete(directory);
    membership_.let_join();
}

void Workers::mark_ended(const RankEnded& ended) {
    if (!wiring_) return;
    wiring_->mark_ended(ended.rank, ended.wait_status);
    membership_.raise_alert();
}

void Workers::forward(int rank, const Report& report) {
    // What the rank wrote before it reported is to be read before the report.
    Worker& worker = *workers_[static_cast<std::size_t>(rank)];
    worker.out.drain();
    worker.err.drain();
    send_(RankReport{rank, report.kind, report.text});
}

void Workers::fence(int rank) {
    Worker& worker = *workers_[static_cast<std::size_t>(rank)];
    worker.fenced = true;
    // Its end is told when it has been reaped, as that of any other.
    (void)worker.child.signal(SIGKILL);
}

Child Workers::spawn_worker(Worker& worker) {
    const RankSpec& spec = launch_.ranks[static_cast<std::size_t>(worker.rank)];
    const bool has_stdin = worker.rank == launch_.stdin_rank;
    const UniqueFd out = worker.out.open();
    const UniqueFd err = worker.err.open();
    const UniqueFd control = membership_.open_socket(worker.rank);
    const UniqueFd sent_input = has_stdin && input_ ? input_->open() : UniqueFd();
    const int input = sent_input ? sent_input.get() : STDIN_FILENO;
    SpawnOptions options;
    options.file = launch_.program;
    options.argv = launch_.argv;
    options.environment = launch_.environment;
    options.environment.insert(options.environment.end(), spec.environment.begin(),
                               spec.environment.end());
    options.directory = launch_.directory;
    options.descriptors = {{has_stdin ? input : null_.get(), STDIN_FILENO},
                           {out.get(), STDOUT_FILENO},
                           {err.get(), STDERR_FILENO},
                           {control.get(), control_fd_number}};
    options.cpus = spec.cpus;
    options.memory_nodes = spec.memory_nodes;
    options.death_signal = SIGKILL;
    options.process_group = has_stdin ? launch_.terminal_group : 0;
    options.ignored_signals = launch_.ignored_signals;
    options.open_files = open_files_;
    return spawn(options);
}

// Whoever writes to a standard input that its rank has closed is to learn it.
void Workers::release_stdin() {
    check_syscall(::dup2(null_.get(), STDIN_FILENO), "let go of standard input");
}

void Workers::signal(int signal_number) {
    for (const auto& [pid, worker] : running_) {
        const bool at_terminal = launch_.terminal_group != 0 && worker->rank == launch_.stdin_rank;
        // A worker that has not been reaped keeps its pid, and with it the number of its group. The
        // one that shares the launcher's group gets from the terminal itself what comes from there.
        if (!at_terminal)
            (void)::kill(-pid, signal_number);
        else if (signal_number != SIGINT && signal_number != SIGQUIT)
            (void)worker->child.signal(signal_number);
    }
}

void Workers::reaped(pid_t pid, int wait_status) {
    const auto entry = running_.find(pid);
    if (entry == running_.end()) return;
    Worker& worker = *entry->second;
    running_.erase(entry);
    worker.out.drain();
    worker.err.drain();
    membership_.worker_ended(worker.rank, wait_status);
    const bool was_killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
    send_(Ended{worker.rank, pid, wait_status,
                was_killed && !kill_expected_ && !worker.fenced && out_of_memory_.has_grown(),
                worker.fenced});
}

void Workers::finish() {
    for (const auto& worker : workers_) {
        worker->out.finish();
        worker->err.finish();
    }
}

}  // namespace ipcrun
