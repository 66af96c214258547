// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/patience.hpp"

#include <sched.h>

namespace ipcrun {

SpinPatience::SpinPatience() {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    // Where there are too many for this set they are not few.
    has_cpus_ = ::sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) > 1;
}

bool SpinPatience::should_spin() {
    if (!has_cpus_) return false;
    if (skip_ == 0) return true;
    --skip_;
    return false;
}

}  // namespace ipcrun
