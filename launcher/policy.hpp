// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What happens to a job when a rank fails, the user interrupts it, or its time is up. A pure state
/// machine: events and the time come in as arguments, what to do comes out.
///
/// A failed rank: its peers know at once (the agent alerts them) and have `notice` to end by
/// themselves, with an error that names it; then TERM; after the grace, KILL. An interrupt passes
/// the signal on at once; after the grace, KILL; a second interrupt is KILL at once.
/// The exit status is that of whatever came first.

#include <chrono>
#include <optional>

#include "base/deadline.hpp"

namespace ipcrun {

class Policy {
  public:
    static constexpr std::chrono::milliseconds notice{250};

    /// What to do now: send `signal` to all workers (0: none), or kill all that is left.
    struct Action {
        int signal = 0;
        bool kill = false;
        bool operator==(const Action&) const = default;
    };

    explicit Policy(Seconds grace) : grace_(std::chrono::duration_cast<Clock::duration>(grace)) {}

    /// A rank ended with a status other than 0, given as an exit status. `secondary`: it only fell
    /// over another's end, so that a later cause may still be the first one.
    void rank_failed(int exit_status, bool secondary, Clock::time_point now);
    /// The user sent one of the signals that end programs.
    Action interrupted(int signal_number, Clock::time_point now);
    /// A batch system has sent the workers SIGTERM, and kills them when it thinks it is time: there
    /// is no grace of ours, unless a rank has failed before.
    void terminated();
    /// A host is lost, with its ranks: a failure, or, after terminated(), what announces the end of
    /// all.
    void host_lost(int exit_status, Clock::time_point now);
    /// The job cannot go on for another reason: --timeout, or nobody reads its output.
    Action stop(int exit_status, Clock::time_point now);
    /// Time passes: call at `next_deadline` or later.
    Action advance(Clock::time_point now);

    /// When `advance` has something to do; nullopt: never.
    std::optional<Clock::time_point> next_deadline() const { return deadline_; }
    /// From here on ends of ranks are our doing.
    bool is_stopping() const { return phase_ >= Phase::stopping; }
    /// Was the job ended from outside, rather than by one of its ranks?
    bool was_interrupted() const { return interrupted_; }
    int exit_status() const { return exit_status_; }

  private:
    enum class Phase { running, noticed, stopping, killed };
    Action begin_stopping(int signal_number, Clock::time_point now);

    Clock::duration grace_;
    Phase phase_ = Phase::running;
    std::optional<Clock::time_point> deadline_;
    int exit_status_ = 0;
    bool status_is_secondary_ = false;
    bool interrupted_ = false;
};

}  // namespace ipcrun
