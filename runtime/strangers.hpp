// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a rank that yields its CPU learns of those who get it.

#include <algorithm>
#include <chrono>

#include "base/deadline.hpp"

namespace ipcrun {

/// Do others compute on these CPUs? Then a yield lasts for a scheduler's slice, where one among
/// ranks that wait is over in microseconds. Who has met one sleeps for a number of waits before
/// it tries again; ever more of them where it meets one again.
class Strangers {
  public:
    /// Asked at the beginning of each wait.
    bool are_about() {
        if (sleeps_left_ == 0) return false;
        --sleeps_left_;
        return true;
    }
    /// A yield took so long: was that one of them?
    bool note_yield(Clock::duration time) {
        if (time < slice_min) {
            if (patience_ > patience_min && ++quick_ > patience_) patience_ = patience_min;
            return false;
        }
        quick_ = 0;
        sleeps_left_ = patience_;
        patience_ = std::min(2 * patience_, patience_max);
        return true;
    }

  private:
    static constexpr std::chrono::microseconds slice_min{1000};
    static constexpr int patience_min = 64, patience_max = 4096;
    int sleeps_left_ = 0;
    int patience_ = patience_min;
    int quick_ = 0;  // yields since
};

}  // namespace ipcrun
