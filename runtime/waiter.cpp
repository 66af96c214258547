// SPDX-License-Identifier: Apache-2.0
#include "runtime/waiter.hpp"

#include "base/futex.hpp"
#include "runtime/sequence.hpp"

namespace ipcrun {

Waiter::Waiter(ControlHeader& header, bool crowded)
    : header_(header), crowded_(crowded), reporter_(std::make_shared<Reporter>()) {
    reporter_->seen = header.reports.load();
}

void Waiter::sleep(Bell& bell, std::uint32_t generation, std::uint32_t alert_seen,
                   Deadline deadline) {
    futex_wait_either(bell.generation, generation, header_.alert, alert_seen, deadline);
}

void Waiter::report_if_asked() {
    const std::uint32_t reports = header_.reports.load();
    std::uint32_t seen = reporter_->seen.load();
    if (!is_before(seen, reports) || !reporter_->seen.compare_exchange_strong(seen, reports))
        return;
    if (reporter_->report) reporter_->report();
}

}  // namespace ipcrun
