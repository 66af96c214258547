// SPDX-License-Identifier: Apache-2.0
// What a collective operation does when a member is lost, or time is up.
#include "base/text.hpp"
#include "runtime/collectives.hpp"
#include "runtime/sequence.hpp"

namespace ipcrun {

namespace {

// The agent tells of an end within milliseconds.
constexpr Seconds end_patience{1.0};

}  // namespace

void Collectives::look_around(const Operation& operation) {
    const std::uint32_t alert = group_.alert();
    group_.waiter().report_if_asked();
    bool someone_departed = false;
    int gone = -1;
    for (int member = 0; member < group_.size(); ++member) {
        if (!group_.has_departed(member)) continue;
        someone_departed = true;
        // In good order it departs after its last operation: finished, seen from here, if that is
        // this one, for its departure was read first.
        const bool is_needed =
            !has_arrived(member, operation.sequence) ||
            (operation.state == Operation::State::working && !is_finished(operation));
        if (is_needed && gone < 0) gone = member;
    }
    const int failed = group_.find_failed();
    const auto failure = group_.recorded_failure();
    if (failure && !is_before(operation.sequence, failure->sequence)) {
        // Whoever recorded it will not come to this operation. It is the one to name, for it came
        // before the end of those who fell over it: that is why it is read after their states.
        const bool timed_out = failure->code == ErrorCode::timeout;
        give_up(
            operation, timed_out ? ErrorCode::timeout : ErrorCode::peer_lost, failure->culprit,
            fmt::format("rank {} {}", group_.called(failure->culprit), group_.describe(*failure)));
    }
    const int lost = failed >= 0 ? failed : gone;
    if (lost >= 0)
        give_up(operation, ErrorCode::peer_lost, lost,
                fmt::format("rank {} {}", group_.called(lost),
                            group_.describe_end(lost, has_arrived(lost, operation.sequence))));
    // Who left, or failed in a later operation, does not matter for this one; it may for the next.
    look_again_ = look_again_ || someone_departed || failure.has_value();
    alert_seen_ = alert;
}

// What did not matter for one operation may for the next: makes it look at the last alert again.
void Collectives::look_again() {
    if (look_again_) alert_seen_ = group_.alert() - 1;
}

// Members finish their operations in order: with this one go all that they began before it and have
// not finished. Others must not go on with those, for they would touch memory that is free then.
void Collectives::give_up(const Operation& operation, ErrorCode code, int culprit,
                          const std::string& message) {
    group_.give_up(code, culprit, completed_ + 1,
                   group_.describe_call(group_.rank(), operation.sequence), message);
}

void Collectives::time_out(const Operation& operation) {
    // Before its own arrival it waits for the last operation that used the slot.
    const bool arrived = has_arrived(group_.rank(), operation.sequence);
    const auto is_missing = [&](int member) {
        return arrived ? !has_arrived(member, operation.sequence)
                       : is_before(group_.member(member).completed.load(),
                                   operation.sequence - operation_slots);
    };
    std::vector<int> missing, working;
    for (int member = 0; member < group_.size(); ++member) {
        if (member == group_.rank()) continue;
        if (is_missing(member)) missing.push_back(group_.called(member));
        if (group_.member(member).touching.load() != 0) working.push_back(group_.called(member));
    }
    const bool waits = !missing.empty();
    const std::vector<int>& named = waits ? missing : working;
    if (named.empty())
        give_up(operation, ErrorCode::timeout, group_.rank(),
                "timed out while others were working");
    give_up(operation, ErrorCode::timeout, group_.rank(),
            fmt::format("timed out {} rank{} {}", waits ? "waiting for" : "during the work of",
                        named.size() == 1 ? "" : "s", format_list(named)));
}

// The kernel knew of somebody's end before the agent, which tells whose it was.
void Collectives::wait_for_an_end(const Operation& operation) {
    group_.member(group_.rank()).touching.store(0);
    (void)group_.wait(
        group_.block().bell, alert_seen_, Deadline::after(end_patience), [] { return false; },
        [&] { look_around(operation); });
}

}  // namespace ipcrun
