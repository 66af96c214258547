// SPDX-License-Identifier: Apache-2.0
#include "runtime/collectives.hpp"

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/sequence.hpp"
#include "runtime/values_mismatch.hpp"

namespace ipcrun {

Collectives::Collectives(Group& group)
    : group_(group),
      first_missing_of_(group.sequence()),
      completed_(group.sequence()),
      all_completed_(group.sequence()) {}

// Numbers the operation and comes to it. Members do not wait for one another here, but for the slot
// of an operation that is long over for most.
void Collectives::begin(Operation& operation, CallSite site) {
    group_.check_usable();
    check_call(operation.collective, group_.rank(), group_.size());
    operation.fingerprint = fingerprint_of(operation.collective);
    operation.sequence = group_.next_sequence();
    group_.record(operation.fingerprint, operation.sequence, site);
    // Every combination of one is itself, but for the truth of it.
    const bool in_place = is_in_place(operation.collective);
    if (group_.size() == 1 && in_place && !is_logical(operation.collective.op))
        return complete(operation);
    look_again();
    if (!is_slot_free(operation.sequence)) wait_for_slot(operation);
    MemberArrival& own = arrival_of(group_.rank(), operation);
    own.fingerprint = operation.fingerprint;
    own.completed.store(completed_, std::memory_order_relaxed);
    operation.is_inline = travels_inline(operation.collective, group_.size());
    if (operation.is_inline) {
        put_inline(operation);
    } else {
        or_give_up(operation, [&] {
            operation.staging.load(group_, operation.collective);
            operation.staging.publish(group_, operation.collective, own.payload);
        });
        group_.member(group_.rank())
            .slices[operation.slot()]
            .next_chunk.store(0, std::memory_order_relaxed);
    }
    arrive(operation);
}

void Collectives::arrive(const Operation& operation) {
    group_.faults().at(FaultPoint::after_publish, operation.sequence);
    // Sequentially consistent: of the last two to arrive, one at least sees all others here.
    arrival_of(group_.rank(), operation).sequence.exchange(operation.sequence);
    group_.faults().at(FaultPoint::after_arrive, operation.sequence);
    Bell& bell = group_.block().bell;
    if (all_arrived(operation.sequence)) {
        // Crowded: the last to arrive works, with one helper a CPU; the rest sleep on to the end.
        // But all must hear of a disagreement; and who has older ones under way may not come to
        // this for long.
        const bool few = group_.waiter().is_crowded() && !operation.is_inline &&
                         !operation.collective.varying && started_.empty() &&
                         are_all_alike(operation);
        bell.ring(few ? workers_max() - 1 : group_.size());
    }
}

bool Collectives::has_arrived(int member, std::uint32_t sequence) const {
    return group_.member(member).arrivals[sequence % operation_slots].sequence.load() == sequence;
}

bool Collectives::all_arrived(std::uint32_t sequence) {
    if (first_missing_of_ != sequence) {
        first_missing_of_ = sequence;
        first_missing_ = 0;
    }
    while (first_missing_ < group_.size() && has_arrived(first_missing_, sequence))
        ++first_missing_;
    return first_missing_ == group_.size();
}

bool Collectives::are_all_alike(const Operation& operation) const {
    for (int member = 0; member < group_.size(); ++member)
        if (!(arrival_of(member, operation).fingerprint == operation.fingerprint)) return false;
    return true;
}

bool Collectives::differ_in_values_only(const Operation& operation) const {
    for (int member = 0; member < group_.size(); ++member) {
        const Fingerprint& other = arrival_of(member, operation).fingerprint;
        if (other.kind != operation.fingerprint.kind || other.op != operation.fingerprint.op ||
            other.root != operation.fingerprint.root)
            return false;
    }
    return true;
}

// Every member comes to the same verdict, for all compare the same.
void Collectives::verify(const Operation& operation) {
    const Fingerprint& first = arrival_of(0, operation).fingerprint;
    std::uint32_t slowest = completed_;
    for (int member = 0; member < group_.size(); ++member) {
        const MemberArrival& arrival = arrival_of(member, operation);
        const std::uint32_t completed = arrival.completed.load(std::memory_order_relaxed);
        if (is_before(completed, slowest)) slowest = completed;
        const Fingerprint& other = arrival.fingerprint;
        if (other == first) [[likely]]
            continue;
        const bool by_hash = first.kind == other.kind && first.shape != other.shape &&
                             (first.flags & other.flags & Fingerprint::many_parts) != 0;
        const std::string text =
            fmt::format("ranks disagree: rank {} calls {}, rank {} calls {}{}", group_.called(0),
                        group_.describe_call(0, operation.sequence), group_.called(member),
                        group_.describe_call(member, operation.sequence),
                        by_hash ? "; their values differ in number, shape, type or keys" : "");
        if (differ_in_values_only(operation))
            throw ValuesMismatch(ErrorCode::mismatch, text, 0, group_.called(member));
        throw Error(ErrorCode::mismatch, text, 0, group_.called(member));
    }
    if (is_before(all_completed_, slowest)) all_completed_ = slowest;
}

// Does what can be done without waiting; true when the operation is over. Throws its error.
bool Collectives::advance(Operation& operation, Patience patience) {
    if (operation.state == Operation::State::done) return true;
    try {
        or_give_up(operation, [&] { go_on(operation, patience); });
    } catch (const Error&) {
        if (!group_.has_given_up()) complete(operation);  // a disagreement: no more than this one
        throw;
    }
    return operation.state == Operation::State::done;
}

void Collectives::go_on(Operation& operation, Patience patience) {
    if (operation.state == Operation::State::arrived) {
        if (!all_arrived(operation.sequence)) return look_if_alerted(operation);
        // All came, but one may have given up since: then its memory must not be touched any more.
        look_if_alerted(operation);
        verify(operation);
        if (!has_met_) {
            has_met_ = true;
            group_.learn_peer_access();
        }
        if (operation.is_inline) {
            get_inline(operation);
            return complete(operation);
        }
        share_out(operation);
    }
    // The first time without a look at the count: the others are about to write it.
    if (!operation.has_worked || !is_finished(operation)) work(operation, patience);
    if (!is_finished(operation)) return look_if_alerted(operation);
    if (operation.verdict) throw *operation.verdict;
    group_.faults().at(FaultPoint::before_unload, operation.sequence);
    operation.staging.unload();
    complete(operation);
}

// Waits for the next thing that the operation needs of others. False when the deadline passed.
bool Collectives::wait_a_while(const Operation& operation, Deadline deadline) {
    const bool arrived = operation.state == Operation::State::arrived;
    return group_.wait(
        group_.block().bell, alert_seen_, deadline,
        [&] { return arrived ? all_arrived(operation.sequence) : is_finished(operation); },
        [&] { look_around(operation); });
}

void Collectives::complete(Operation& operation) {
    operation.state = Operation::State::done;
    operation.staging.clear();
    completed_ = operation.sequence;
    // Sequentially consistent: either who waits for this sees it, or we see that somebody waits.
    // This member may not come to another operation soon, where it would wake them.
    group_.member(group_.rank()).completed.exchange(completed_);
    if (group_.block().slot_waiters.load() != 0) group_.block().bell.ring_all();
}

void Collectives::run(const Collective& collective, Deadline deadline, CallSite site) {
    if (!started_.empty()) {
        Request request = start(collective, deadline, site);
        (void)request.wait();  // its own deadline ends it, also behind older ones
        return;
    }
    own_.renew(collective, deadline);
    begin(own_, site);
    while (!advance(own_, Patience::some))
        if (!wait_a_while(own_, deadline)) time_out(own_);
}

}  // namespace ipcrun
