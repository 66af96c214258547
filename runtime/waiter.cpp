// SPDX-License-Identifier: Apache-2.0
#include "runtime/waiter.hpp"

#include <climits>

#include "base/futex.hpp"

namespace ipcrun {

void Bell::ring(int count) {
    if (sleepers.load() == 0 || count == 0) return;
    generation.fetch_add(1);
    futex_wake(generation, count);
}

void Bell::ring_all() {
    ring(INT_MAX);
}

void Waiter::sleep(Bell& bell, std::uint32_t generation, std::uint32_t alert_seen,
                   Deadline deadline) {
    futex_wait_either(bell.generation, generation, header_.alert, alert_seen, deadline);
}

void Waiter::report_if_asked() {
    const std::uint32_t reports = header_.reports.load();
    if (reports == reports_seen_) return;
    reports_seen_ = reports;
    if (report_) report_();
}

}  // namespace ipcrun
