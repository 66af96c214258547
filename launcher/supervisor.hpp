// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The launcher's side of a job: tells the agents what to start, writes what comes back, and
/// decides by the policy when and how it ends.

#include <array>
#include <memory>
#include <optional>

#include "launcher/agent_protocol.hpp"
#include "launcher/hosts/fleet.hpp"
#include "launcher/hosts/input_feed.hpp"
#include "launcher/inputs.hpp"
#include "launcher/options.hpp"
#include "launcher/output.hpp"
#include "launcher/plan.hpp"
#include "launcher/policy.hpp"
#include "launcher/reports.hpp"
#include "launcher/signals.hpp"

namespace ipcrun {

/// What a job is made of before its hosts have said what they are.
struct Order {
    Options options;
    /// One at least; one without a name: this host, as it is.
    std::vector<NamedHost> hosts = {{}};
    int own_host = 0;            ///< index of this one; -1: it has no part
    std::string slurm_job = {};  ///< whose nodes they are; empty: none's
    Inputs inputs = {};
    Program program = {};
    Surroundings surroundings;
};

class Supervisor {
  public:
    /// Borrows the order. `own`: the agent on this host, if it has ranks. `own_children`: processes
    /// that are not the job's (see current_children).
    Supervisor(const Order& order, std::optional<Fleet::Own> own, std::vector<pid_t> own_children);

    /// Runs the job to its end and leaves nothing of it; returns the exit status of ipcrun. Throws
    /// Error{usage} when the options do not fit the machine, other Errors when ipcrun itself fails.
    int run();

  private:
    void launch();
    void act(int host, const LaunchRefused& refused);
    void act(int host, const Started& started);
    void act(int host, const SpawnFailed& failed);
    void act(int host, const Listening& listening);
    void act(int host, const InputTaken& taken);
    void act(int host, const Output& output);
    void act(int host, const RankReport& report);
    void act(int host, const Ended& ended);
    void act(int host, const Failed& failed);
    void act(int host, const Done& done);
    void act(int host, const Terminated& terminated);
    template <typename Other>
    void act(int host, const Other& other);
    void lose(int host, const std::string& why);
    void end_when_done();
    bool is_done() const;
    /// " on host h2"; empty where none was named.
    std::string on_host(int host) const;

    void interrupt(int signal_number);
    void suspend();
    void time_out();
    void output_broken(int error_number);
    void agents_stuck();
    Seconds kill_time_max() const;

    topology::Cluster make_cluster() const;
    /// Where the ranks of each host listen. Throws Error{usage} where a host has no address.
    void give_addresses(std::vector<Launch>& launches);
    void tell_of_end(int rank, int host, int wait_status);
    /// The rank of the job that is `local_rank` on that host. Throws Error{protocol} for none.
    int rank_of(int host, int local_rank) const;
    void say(std::string_view text) { writer(Stream::err).say(text); }
    void carry_out(const Policy::Action& action);
    void finish_when_ended();
    void stop_when_written();
    void end_agents();
    OutputWriter& writer(Stream stream) { return *writers_[static_cast<std::size_t>(stream)]; }
    void open_writers();

    const Order& order_;
    std::vector<pid_t> own_children_;
    EventLoop loop_;
    Fleet fleet_;
    std::optional<InputFeed> input_;  // where it is a rank's on another host
    Signals signals_;
    std::array<std::shared_ptr<OutputWriter>, 2> writers_;  // one and the same for one terminal
    Policy policy_;
    Reports reports_;
    Timer policy_timer_;
    Timer time_limit_;
    Timer write_limit_;
    Timer agent_limit_;
    struct OfHost {
        std::vector<int> ranks;  // of the job, by local rank
        int to_start = 0;
        int running = 0;
        std::vector<std::string> addresses;  // where its ranks are found, by local rank
        bool is_done = false;
    };
    std::vector<OfHost> hosts_;
    std::vector<int> tree_parents_;  // by rank of the job; -1 at the root
    bool is_launched_ = false;
    bool is_finishing_ = false;
};

}  // namespace ipcrun
