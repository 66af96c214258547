// SPDX-License-Identifier: Apache-2.0
#include "runtime/waiter.hpp"

#include "runtime/sequence.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

// To wait for so many bells takes no memory: the end of a program must wait for its threads.
constexpr std::size_t bells_foreseen = 3;

Waiter::Waiter(std::atomic<std::uint32_t>& alert, std::atomic<std::uint32_t>& reports, bool crowded)
    : alert_(alert), reports_(reports), crowded_(crowded), reporter_(std::make_shared<Reporter>()) {
    reporter_->seen = reports.load();
    words_.reserve(bells_foreseen + 1);
}

Waiter::Sleepers::Sleepers(Waiter& waiter, std::span<Bell* const> bells)
    : waiter_(waiter), bells_(bells) {
    waiter.words_.clear();
    waiter.words_.reserve(bells.size() + 1);  // so that nothing below can fail
    for (Bell* bell : bells) {
        waiter.words_.push_back({&bell->generation, bell->generation.load()});
        bell->sleepers.fetch_add(1);
    }
}

void Waiter::Sleepers::sleep(std::uint32_t alert_seen, Deadline deadline) {
    waiter_.words_.push_back({&waiter_.alert_, alert_seen});
    futex_wait_any(waiter_.words_, deadline);
}

void Waiter::Sleepers::leave() {
    if (!is_counted_) return;
    for (Bell* bell : bells_) bell->sleepers.fetch_sub(1);
    is_counted_ = false;
}

Waiter::Waiter(ControlHeader& header, bool crowded)
    : Waiter(header.alert, header.reports, crowded) {}

void Waiter::report_if_asked() {
    const std::uint32_t reports = reports_.load();
    std::uint32_t seen = reporter_->seen.load();
    if (!is_before(seen, reports) || !reporter_->seen.compare_exchange_strong(seen, reports))
        return;
    if (reporter_->report) reporter_->report();
}

}  // namespace ipcrun
