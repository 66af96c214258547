// SPDX-License-Identifier: Apache-2.0
// Several operations under way. All members begin them in the same order; each member finishes its
// part of them in that order, too, so whoever waits for one goes on with all before it.
#include "runtime/started.hpp"

#include "base/fail.hpp"
#include "runtime/sequence.hpp"

namespace ipcrun {

Collectives::Started::Started(Collectives& engine, const Collective& collective, Deadline deadline)
    : kept_(collective), engine_(&engine), operation{kept_.collective(), deadline} {}

bool Collectives::Started::test() {
    check_open();
    while (!is_over() && engine_->advance_oldest(Patience::none)) {
    }
    if (is_over()) return true;
    engine_->check_deadlines();
    return false;
}

bool Collectives::Started::wait(Deadline deadline) {
    check_open();
    while (!is_over())
        if (!engine_->advance_oldest(Patience::some) && !engine_->wait_for_oldest(deadline))
            return is_over();
    return true;
}

void Collectives::Started::check_open() const {
    if (engine_ == nullptr)
        fail(ErrorCode::usage, "wait for an operation: its communicator is closed");
}

bool Collectives::Started::is_over() const {
    if (error_) throw *error_;
    if (operation.state == Operation::State::done) return true;
    engine_->group_.check_usable();  // what could not be finished never will be
    return false;
}

Collectives::~Collectives() {
    // In a child after fork() nothing here is ours to give up.
    if (!started_.empty() && !group_.has_given_up() && group_.heap()->is_open()) {
        // Others may be working on our memory, or be about to.
        group_.abandon(completed_ + 1);
    }
    for (const std::shared_ptr<Started>& started : started_) started->close();
}

Request Collectives::start(const Collective& collective, Deadline deadline, CallSite site) {
    auto started = std::make_shared<Started>(*this, collective, deadline);
    begin(started->operation, site);
    or_give_up(started->operation, [&] { started_.push_back(started); });
    try {
        progress();
    } catch (const Error&) {
        // The communicator is lost: by an older operation, perhaps. Whoever waits for this one is
        // told.
    }
    return Request(std::move(started));
}

void Collectives::progress() {
    if (group_.has_given_up()) return;
    while (!started_.empty() && advance_oldest(Patience::none)) {
    }
}

// True when it is over, well or not; throws when nothing works any more.
bool Collectives::advance_oldest(Patience patience) {
    const std::shared_ptr<Started> oldest = started_.front();
    try {
        if (!advance(oldest->operation, patience)) return false;
    } catch (const Error& error) {
        if (group_.has_given_up()) throw;
        oldest->fail_with(error);
    }
    started_.pop_front();
    look_again();
    return true;
}

bool Collectives::wait_for_oldest(Deadline deadline) {
    const std::shared_ptr<Started> oldest = started_.front();
    if (wait_a_while(oldest->operation, soonest(deadline))) return true;
    check_deadlines();
    return false;
}

Deadline Collectives::soonest(Deadline deadline) const {
    for (const std::shared_ptr<Started>& one : started_)
        deadline = Deadline::sooner(deadline, one->operation.deadline);
    return deadline;
}

// The deadline of an operation ends it whatever this member waits for meanwhile.
void Collectives::check_deadlines() {
    for (const std::shared_ptr<Started>& one : started_)
        if (one->operation.deadline.has_passed()) time_out(one->operation);
}

bool Collectives::is_slot_free(std::uint32_t sequence) {
    const std::uint32_t last_user = sequence - operation_slots;
    if (!is_before(all_completed_, last_user)) return true;
    // Nobody has told us lately: ask.
    std::uint32_t slowest = completed_;
    for (int other = 0; other < group_.size(); ++other) {
        if (other == group_.rank()) continue;
        const std::uint32_t completed = group_.member(other).completed.load();
        if (is_before(completed, slowest)) slowest = completed;
    }
    if (is_before(all_completed_, slowest)) all_completed_ = slowest;
    return !is_before(all_completed_, last_user);
}

void Collectives::wait_for_slot(const Operation& operation) {
    // Of ours the oldest must be done, too.
    while (!started_.empty() && is_before(completed_, operation.sequence - operation_slots))
        if (!advance_oldest(Patience::some) && !wait_for_oldest(operation.deadline))
            time_out(operation);
    std::atomic<std::uint32_t>& waiters = group_.block().slot_waiters;
    waiters.fetch_add(1);
    const bool in_time = group_.wait(
        group_.block().bell, alert_seen_, soonest(operation.deadline),
        [&] { return is_slot_free(operation.sequence); }, [&] { look_around(operation); });
    waiters.fetch_sub(1);
    if (in_time) return;
    check_deadlines();
    time_out(operation);
}

}  // namespace ipcrun
