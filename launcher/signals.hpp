// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The signals that reach ipcrun, sorted by what they mean for the job.

#include <functional>
#include <vector>

#include "base/event_loop.hpp"

namespace ipcrun {

/// Signals that this process ignores: its parent wished it so (nohup, a shell's background).
/// Ask before the first handler is set.
std::vector<int> ignored_signals();

/// Lets this process be notified of all signals, and of the end of its children, whatever its
/// parent left it with; a write to a broken pipe becomes an error instead of a signal.
void prepare_signals();

class Signals {
  public:
    struct Callbacks {
        std::function<void(int)> interrupt;  ///< INT, TERM, HUP, QUIT: end the job
        std::function<void(int)> forward;    ///< USR1, USR2, WINCH: for the workers
        std::function<void()> suspend;       ///< TSTP: stop, with the workers
        std::function<void()> resume;        ///< CONT
    };

    /// What is in `ignored` stays ignored.
    Signals(EventLoop& loop, const std::vector<int>& ignored, Callbacks callbacks);
    Signals(const Signals&) = delete;
    /// From then on the signals that end a job wait: the process is about to end by itself, and has
    /// things to say and a status of its own.
    ~Signals();

  private:
    std::vector<SignalWatch> watches_;
};

}  // namespace ipcrun
