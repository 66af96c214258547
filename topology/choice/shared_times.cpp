// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/shared_times.hpp"

#include <algorithm>

namespace ipcrun::topology {

namespace {

constexpr double cache_line = 64;
// Of the first line, where the bytes of small operations follow.
constexpr double flag_bytes = 24;

// GB/s are bytes a nanosecond.
double us_of(double bytes, double gbytes_per_s) {
    return gbytes_per_s > 0 ? 1e-3 * bytes / gbytes_per_s : 0;
}

// Each sees the line of each other one. Members that share a CPU come to it one after another.
double arrival_us(int members, const SharedMemoryCosts& costs, double each_us) {
    const int cpus = std::max(costs.cpus, 1);
    const int waves = (members + cpus - 1) / cpus;
    return costs.flag_us + waves * each_us + (waves > 1 ? waves * costs.wake_us : 0) +
           us_of(members * cache_line, costs.flag_gbytes_per_s);
}

}  // namespace

double flags_us(int members, const SharedMemoryCosts& costs, double bytes) {
    if (members == 1) return costs.operation_us;  // it has its result
    const double more_bytes = std::max(bytes + flag_bytes - cache_line, 0.0);
    return arrival_us(members, costs, costs.operation_us) +
           us_of(members * more_bytes, costs.flag_gbytes_per_s);
}

double work_sharing_us(int members, const SharedMemoryCosts& costs, double bytes) {
    if (members == 1) return costs.operation_us;
    const int workers = std::clamp(costs.cpus, 1, members);
    const bool is_cached = members * bytes <= costs.cache_bytes;
    double gbytes_per_s = workers * costs.cpu_gbytes_per_s;
    if (!is_cached) gbytes_per_s = std::min(gbytes_per_s, costs.memory_gbytes_per_s);
    return arrival_us(members, costs, costs.operation_us + costs.share_us) +
           us_of(2 * members * bytes, gbytes_per_s);
}

// Fitted to bench/algorithms on two cores of a virtual machine (AMD EPYC, November 2026), with 2, 4
// and 8 ranks, between two states of it, with the cores near to each other and apart: 0.12 to 0.45,
// 1.2 to 1.6 and 2.8 to 3.5 us for 8 bytes, 0.3 to 0.8, 1.6 to 2.7 and 3.6 to 5.5 us for 4 KiB, 20
// to 25, 45 to 67 and 120 to 170 us for 2 MiB, 0.3 to 1.5, 1 to 4 and 3 to 7 ms for 16 MiB.
SharedMemoryCosts default_shared_memory_costs() {
    return {.wake_us = 0.6,
            .flag_us = 0.15,
            .operation_us = 0.15,
            .share_us = 0.1,
            .flag_gbytes_per_s = 5,
            .cpu_gbytes_per_s = 150,
            .memory_gbytes_per_s = 110,
            .cache_bytes = 32e6};
}

}  // namespace ipcrun::topology
