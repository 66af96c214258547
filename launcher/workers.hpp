// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The workers of one node: started bound and connected, signalled, reaped.

#include <sys/resource.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/child.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/hosts/input_pipe.hpp"
#include "launcher/membership.hpp"
#include "launcher/out_of_memory.hpp"
#include "launcher/worker_output.hpp"

namespace ipcrun {

class Workers {
  public:
    using Send = std::function<void(const ToLauncher&)>;

    /// `open_files` is what workers get as their limit of descriptors.
    Workers(EventLoop& loop, Launch launch, rlimit open_files, Send send);

    /// Starts all ranks, in order, up to the first that cannot be started.
    void start();
    /// To the process groups of all workers that run.
    void signal(int signal_number);
    bool are_running() const { return !running_.empty(); }
    /// From here on SIGKILL is our own doing.
    void expect_kill() { kill_expected_ = true; }
    /// A child of this process has been reaped; workers are told from their orphans here.
    void reaped(pid_t pid, int wait_status);
    /// Where all ranks of the job are: those of this host can join now.
    void complete(const JobDirectory& directory);
    /// A rank on another host has ended: ours are told.
    void mark_ended(const RankEnded& ended);
    /// Standard input for the rank that gets it.
    void pass_on(const Input& input) {
        if (input_) input_->pass_on(input);
    }
    void consumed(const Consumed& consumed) { sender_.consumed(consumed); }
    /// Nobody is there to write output any more.
    void drop_output() { sender_.drop_all(); }
    /// All processes have ended: passes on the rest of their output.
    void finish();

  private:
    struct Worker {
        Worker(EventLoop& loop, OutputSender& sender, int rank_index, bool whole_lines)
            : rank(rank_index),
              out(loop, sender, rank_index, Stream::out, whole_lines),
              err(loop, sender, rank_index, Stream::err, whole_lines) {}
        int rank;
        Child child;
        bool fenced = false;  // killed because another rank asked for it
        WorkerPipe out;
        WorkerPipe err;
    };

    void forward(int rank, const Report& report);
    void fence(int rank);
    Child spawn_worker(Worker& worker);
    void release_stdin();

    EventLoop& loop_;
    Launch launch_;
    rlimit open_files_;
    Send send_;
    OutputSender sender_;
    std::optional<Wiring> wiring_;  // with other hosts
    Membership membership_;
    OutOfMemoryCount out_of_memory_;
    std::optional<InputPipe> input_;
    UniqueFd null_;
    UniqueFd placeholder_;
    std::vector<std::unique_ptr<Worker>> workers_;  // by rank, kept to the end for their output
    std::unordered_map<pid_t, Worker*> running_;
    bool kill_expected_ = false;
};

}  // namespace ipcrun
