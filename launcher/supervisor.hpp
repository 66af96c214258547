// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The launcher's side of a job: tells the agent what to start, writes what comes back, and decides
/// by the policy when and how it ends.

#include <array>
#include <memory>
#include <optional>

#include "launcher/agent.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/inputs.hpp"
#include "launcher/options.hpp"
#include "launcher/output.hpp"
#include "launcher/plan.hpp"
#include "launcher/policy.hpp"
#include "launcher/reports.hpp"
#include "launcher/signals.hpp"

namespace ipcrun {

/// What a job is made of before the node has said what it is.
struct Order {
    Options options;
    Inputs inputs = {};
    Program program = {};
    Surroundings surroundings;
};

class Supervisor {
  public:
    /// Borrows the order. `own_children`: processes that are not the job's (see current_children).
    Supervisor(const Order& order, LocalAgent agent, std::vector<pid_t> own_children);

    /// Runs the job to its end and leaves nothing of it; returns the exit status of ipcrun. Throws
    /// Error{usage} when the options do not fit the machine, other Errors when ipcrun itself fails.
    int run();

  private:
    void act(const Ready& ready);
    void act(const Started& started);
    void act(const SpawnFailed& failed);
    void act(const Output& output);
    void act(const RankReport& report);
    void act(const Ended& ended);
    void act(const Failed& failed);
    void act(const Done& done);

    void interrupt(int signal_number);
    void suspend();
    void time_out();
    void output_broken(int error_number);
    void agent_lost();
    void agent_stuck();

    void send(const ToAgent& message) { frames_.send(encode(message)); }
    void say(std::string_view text) { writer(Stream::err).say(text); }
    void carry_out(const Policy::Action& action);
    void finish_when_ended();
    void stop_when_written();
    void end_agent();
    OutputWriter& writer(Stream stream) { return *writers_[static_cast<std::size_t>(stream)]; }
    void open_writers();

    const Order& order_;
    std::vector<pid_t> own_children_;
    EventLoop loop_;
    Child agent_;
    FrameStream frames_;
    Signals signals_;
    std::array<std::shared_ptr<OutputWriter>, 2> writers_;  // one and the same for one terminal
    Policy policy_;
    Reports reports_;
    Timer policy_timer_;
    Timer time_limit_;
    Timer write_limit_;
    Timer agent_limit_;
    int ranks_to_start_ = 0;
    int ranks_running_ = 0;
    bool is_launched_ = false;
    bool is_done_ = false;
};

}  // namespace ipcrun
