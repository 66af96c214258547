// SPDX-License-Identifier: Apache-2.0
// What a communicator does when a member is lost, time is up, or members disagree.
#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun {

namespace {

// A communicator's failure as one word: ErrorCode + 1, the rank, the operation it was noticed in.
std::uint64_t encode_failure(ErrorCode code, int rank, std::uint32_t sequence) {
    return (static_cast<std::uint64_t>(code) + 1) | static_cast<std::uint64_t>(rank) << 8 |
           static_cast<std::uint64_t>(sequence) << 32;
}
ErrorCode failure_code(std::uint64_t failure) {
    return static_cast<ErrorCode>((failure & 0xff) - 1);
}
int failure_rank(std::uint64_t failure) {
    return static_cast<int>(failure >> 8 & 0xff'ffff);
}
std::uint32_t failure_sequence(std::uint64_t failure) {
    return static_cast<std::uint32_t>(failure >> 32);
}

// Sequence numbers run over, and members are at most one operation apart.
bool is_later(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) > 0;
}

bool has_ended(RankState state) {
    return state == RankState::exited || state == RankState::failed;
}

}  // namespace

void Communicator::look_around(const Operation& operation) {
    const std::uint32_t alert = control_.header().alert.load();
    waiter_.report_if_asked();
    const auto state_of = [this](int member) {
        return control_.rank(identity_.members[member]).state.load();
    };
    int lost = -1;
    for (int member = 0; member < size(); ++member) {
        const RankState state = state_of(member);
        const bool departed = state == RankState::exited || state == RankState::left;
        look_again_ = look_again_ || departed;
        // In good order it departs after its last operation: finished, seen from here, if that is
        // this one, for its state was read first.
        const bool needed = !has_arrived(member, operation.sequence) ||
                            (operation.is_shared_out && !is_finished(operation));
        if (lost < 0 && (state == RankState::failed || (departed && needed))) lost = member;
    }
    const std::uint64_t failure = block_.failure.load();
    if (failure != 0 && !is_later(failure_sequence(failure), operation.sequence)) {
        // Whoever recorded it will not come to this operation. It is the one to name, for it came
        // before the end of those who fell over it: that is why it is read after their states.
        const bool timed_out = failure_code(failure) == ErrorCode::timeout;
        const int rank = failure_rank(failure);
        give_up(operation, timed_out ? ErrorCode::timeout : ErrorCode::peer_lost, rank,
                fmt::format("rank {} {}", rank, describe_failure(failure)));
    }
    // The first to fail is the one to name: others may have failed because of it. It, too, was
    // recorded before their states.
    const int first = static_cast<int>(control_.header().first_failed.load()) - 1;
    for (int member = 0; lost >= 0 && member < size(); ++member)
        if (identity_.members[member] == first) lost = member;
    if (lost >= 0)
        give_up(operation, ErrorCode::peer_lost, lost,
                fmt::format("rank {} {}", lost, describe_end(lost, operation.sequence)));
    // Somebody failed in the next operation already: this one can still be finished.
    look_again_ = look_again_ || failure != 0;
    alert_seen_ = alert;
}

// What did not matter for one operation may for the next: makes it look at the last alert again.
void Communicator::look_again() {
    if (look_again_) alert_seen_ = control_.header().alert.load() - 1;
}

void Communicator::give_up(const Operation& operation, ErrorCode code, int rank,
                           const std::string& message) {
    std::uint64_t none = 0;
    (void)block_.failure.compare_exchange_strong(none,
                                                 encode_failure(code, rank, operation.sequence));
    // Also when another member was first: it may not have come to raise the alert, and without it a
    // helper whose `touching` we read as 0 could begin a chunk after we have left.
    control_.raise_alert();
    block_.member(this->rank()).touching.store(0);
    block_.bell.ring_all();
    wait_until_untouched();
    failure_ = std::make_unique<Error>(
        code, fmt::format("{}: {}", describe_call(this->rank(), operation.sequence), message), 0,
        rank);
    throw *failure_;
}

void Communicator::time_out(const Operation& operation) {
    std::vector<int> missing = missing_members(operation.sequence);
    give_up(operation, ErrorCode::timeout, rank(),
            missing.empty() ? std::string("timed out while others were working")
                            : fmt::format("timed out waiting for rank{} {}",
                                          missing.size() == 1 ? "" : "s", format_list(missing)));
}

void Communicator::wait_until_untouched() {
    for (int member = 0; member < size(); ++member) {
        const auto untouched = [this, member] {
            return block_.member(member).touching.load() == 0 ||
                   has_ended(control_.rank(identity_.members[member]).state.load());
        };
        // A helper sees the alert at its next chunk. When it lets go it sees the failure, and
        // rings; the end of one that is killed raises another alert.
        while (waiter_.wait(block_.bell, control_.header().alert.load(), Deadline::never(),
                            untouched) != WaitResult::ready) {
        }
    }
}

std::vector<int> Communicator::missing_members(std::uint32_t sequence) const {
    std::vector<int> missing;
    for (int member = 0; member < size(); ++member)
        if (!has_arrived(member, sequence)) missing.push_back(member);
    return missing;
}

std::string Communicator::describe_call(int member, std::uint32_t sequence) const {
    const RankSlot& slot = control_.rank(identity_.members[member]);
    for (const OpRecord& record : slot.ring) {
        if (record.communicator.load() != identity_.id || record.sequence.load() != sequence)
            continue;
        const Fingerprint& print = record.fingerprint;
        const std::string place = fmt::format(" at {}:{}", record.file, record.line);
        const std::string what =
            print.flags != 0 ? "several values"
                             : fmt::format("{} {}", print.shape, name_of(Dtype(print.dtype)));
        switch (static_cast<Kind>(print.kind)) {
            case Kind::barrier:
                return "barrier()" + place;
            case Kind::allreduce:
                return fmt::format("allreduce({}, {}){}", what, name_of(Op(print.op)), place);
            case Kind::broadcast:
                return fmt::format("broadcast({}, root {}){}", what, print.root, place);
        }
    }
    return "an operation";
}

std::string Communicator::describe_end(int member, std::uint32_t sequence) const {
    const RankSlot& slot = control_.rank(identity_.members[member]);
    const RankState state = slot.state.load();
    if (state == RankState::failed)
        return fmt::format("failed: {}", describe_wait_status(slot.wait_status.load()));
    return fmt::format(
        "{} {}", state == RankState::exited ? "ended" : "left",
        has_arrived(member, sequence) ? "in the middle of it" : "without taking part");
}

std::string Communicator::describe_failure(std::uint64_t failure) const {
    switch (failure_code(failure)) {
        case ErrorCode::timeout:
            return "gave up waiting";
        case ErrorCode::peer_lost:
            return describe_end(failure_rank(failure), failure_sequence(failure));
        default:
            return "could not go on";
    }
}

}  // namespace ipcrun
