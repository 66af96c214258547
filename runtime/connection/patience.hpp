// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Waiting for a socket: to look again costs a system call, but who sleeps wakes late.

#include <chrono>

namespace ipcrun {

/// Whether to look again for a while before a sleep. Measured over loopback between two cores (AMD
/// EPYC, Linux 6.18): a message that is looked for is there 9 us before one that wakes a sleeper
/// (12 us each way, not 21); where both ends share a core it makes no difference. In vain it costs
/// a core for `spin_time`, so it is done ever more rarely while it brings nothing, and never with
/// one CPU.
class SpinPatience {
  public:
    static constexpr std::chrono::microseconds spin_time{50};

    SpinPatience();

    /// To be asked before each wait.
    bool should_spin();
    void spun_in_vain() {
        vain_ = vain_ < vain_max ? vain_ + 1 : vain_max;
        skip_ = 1 << vain_;
    }
    void met_while_spinning() { vain_ = skip_ = 0; }

  private:
    static constexpr int vain_max = 8;
    bool has_cpus_;
    int vain_ = 0;  // times in a row that brought nothing
    int skip_ = 0;  // waits to go without
};

}  // namespace ipcrun
