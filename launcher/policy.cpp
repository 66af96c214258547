// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy.hpp"

#include <csignal>

namespace ipcrun {

void Policy::rank_failed(int exit_status, bool secondary, Clock::time_point now) {
    const bool is_first = exit_status_ == 0;
    if (is_first || (status_is_secondary_ && !secondary && !is_stopping())) {
        exit_status_ = exit_status;
        status_is_secondary_ = secondary;
    }
    if (phase_ != Phase::running) return;
    phase_ = Phase::noticed;
    deadline_ = now + notice;
}

Policy::Action Policy::interrupted(int signal_number, Clock::time_point now) {
    const bool is_repeated = interrupted_;
    interrupted_ = true;
    if (exit_status_ == 0) exit_status_ = 128 + signal_number;
    if (is_repeated || phase_ == Phase::killed) {
        phase_ = Phase::killed;
        deadline_.reset();
        return {.kill = true};
    }
    return begin_stopping(signal_number, now);
}

void Policy::terminated() {
    const bool rank_has_failed = phase_ != Phase::running && !interrupted_;
    if (rank_has_failed || phase_ == Phase::killed) return;
    interrupted_ = true;
    if (exit_status_ == 0) exit_status_ = 128 + SIGTERM;
    phase_ = Phase::stopping;
    deadline_.reset();
}

void Policy::host_lost(int exit_status, Clock::time_point now) {
    if (phase_ == Phase::stopping && !deadline_) deadline_ = now + grace_;
    rank_failed(exit_status, false, now);
}

Policy::Action Policy::stop(int exit_status, Clock::time_point now) {
    if (is_stopping()) return {};
    interrupted_ = true;
    if (exit_status_ == 0) exit_status_ = exit_status;
    return begin_stopping(SIGTERM, now);
}

Policy::Action Policy::advance(Clock::time_point now) {
    if (!deadline_ || now < *deadline_) return {};
    if (phase_ == Phase::noticed) return begin_stopping(SIGTERM, now);
    phase_ = Phase::killed;
    deadline_.reset();
    return {.kill = true};
}

Policy::Action Policy::begin_stopping(int signal_number, Clock::time_point now) {
    // An interrupt while TERM is under way does not buy the workers more time.
    if (phase_ != Phase::stopping) deadline_ = now + grace_;
    phase_ = Phase::stopping;
    return {.signal = signal_number};
}

}  // namespace ipcrun
