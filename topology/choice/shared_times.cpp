// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/shared_times.hpp"

#include <algorithm>

namespace ipcrun::topology {

namespace {

// GB/s are bytes a nanosecond.
double us_of(double bytes, double gbytes_per_s) {
    return gbytes_per_s > 0 ? 1e-3 * bytes / gbytes_per_s : 0;
}

// Members that share a CPU come to it one after another.
double arrival_us(int members, const SharedMemoryCosts& costs, double each_us) {
    const int cpus = std::max(costs.cpus, 1);
    const int waves = (members + cpus - 1) / cpus;
    return costs.flag_us + waves * each_us + (waves > 1 ? waves * costs.wake_us : 0);
}

}  // namespace

double flags_us(int members, const SharedMemoryCosts& costs, double bytes) {
    return arrival_us(members, costs, costs.operation_us) +
           us_of(members * bytes, costs.flag_gbytes_per_s);
}

double work_sharing_us(int members, const SharedMemoryCosts& costs, double bytes) {
    const int workers = std::clamp(costs.cpus, 1, members);
    const bool is_cached = members * bytes <= costs.cache_bytes;
    double gbytes_per_s = workers * costs.cpu_gbytes_per_s;
    if (!is_cached) gbytes_per_s = std::min(gbytes_per_s, costs.memory_gbytes_per_s);
    return arrival_us(members, costs, costs.operation_us + costs.share_us) +
           us_of(2 * members * bytes, gbytes_per_s);
}

// Fitted to bench/algorithms on two cores of a virtual machine (AMD EPYC, November 2026), with 2, 4
// and 8 ranks, between two states of it, with the cores near to each other and apart: 0.12 to 0.45,
// 1.3 to 1.5 and 2.9 to 3.3 us for 8 bytes, 0.3 to 0.7, 1.6 to 2.6 and 3.6 to 5.0 us for 4 KiB, 21
// to 82, 45 to 50 and 130 to 160 us for 2 MiB, 0.3 to 0.6, 1 to 6 and 3 to 7 ms for 16 MiB.
SharedMemoryCosts default_shared_memory_costs() {
    return {.wake_us = 0.55,
            .flag_us = 0.1,
            .operation_us = 0.15,
            .share_us = 0.25,
            .flag_gbytes_per_s = 5,
            .cpu_gbytes_per_s = 150,
            .memory_gbytes_per_s = 110,
            .cache_bytes = 32e6};
}

}  // namespace ipcrun::topology
