// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Notices that the other side of a connection over a network is silent: a cable that was pulled,
/// or a host that lost its power, closes nothing.

#include <functional>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"

namespace ipcrun {

class Pulse {
  public:
    struct Callbacks {
        std::function<void()> beat;    ///< say something: called three times in each silence_max
        std::function<void()> silent;  ///< the other side has said nothing for silence_max; once
    };

    Pulse(EventLoop& loop, Seconds silence_max, Callbacks callbacks);
    Pulse(const Pulse&) = delete;

    /// Something has come. This process may have been stopped for long (a job that is suspended):
    /// silence is counted from a turn of the loop in which there was nothing to read.
    void heard() { beats_in_silence_ = 0; }
    /// The other side is known to be stopped: its silence is no end from now on, or is again. What
    /// passes on for it goes on, and wants to hear from us.
    void expect_silence(bool is_expected) {
        is_silence_expected_ = is_expected;
        heard();
    }

  private:
    void beat();

    EventLoop& loop_;
    std::chrono::milliseconds interval_;
    Callbacks callbacks_;
    int beats_in_silence_ = 0;
    bool is_silence_expected_ = false;
    Timer timer_;
};

}  // namespace ipcrun
