// SPDX-License-Identifier: Apache-2.0
// What becomes of everybody when a member of a group is lost or gives up.
#include <algorithm>

#include "base/fail.hpp"
#include "runtime/group.hpp"

namespace ipcrun {

namespace {

// A failure as one word: ErrorCode + 1, the member, the operation it was noticed in.
std::uint64_t encode(const Group::Failure& failure) {
    return (static_cast<std::uint64_t>(failure.code) + 1) |
           static_cast<std::uint64_t>(failure.culprit) << 8 |
           static_cast<std::uint64_t>(failure.sequence) << 32;
}

// How long a member may take to let go of peers' memory: a chunk takes milliseconds. Waited for in
// slices, so that time in which we were stopped ourselves (a job that is suspended) hardly counts.
constexpr Seconds fence_slice{0.1};
constexpr int fence_slices = 5;

}  // namespace

bool Group::has_ended(int member) const {
    const RankState state = state_of(member);
    return state == RankState::exited || state == RankState::failed;
}

bool Group::has_departed(int member) const {
    const RankState state = state_of(member);
    return state == RankState::left || state == RankState::exited ||
           (state == RankState::failed && survives_ends()) ||
           this->member(member).closing.load() == Closing::closed;
}

int Group::find_failed() const {
    if (survives_ends()) return -1;
    int lost = -1;
    for (int member = 0; member < size() && lost < 0; ++member)
        if (state_of(member) == RankState::failed) lost = member;
    // The first to fail is the one to name: others may have failed because of it. It was recorded
    // before their states, so it is read after them.
    const int first = static_cast<int>(control_.header().first_failed.load()) - 1;
    for (int member = 0; lost >= 0 && member < size(); ++member)
        if (identity_.members[member] == first) lost = member;
    return lost;
}

std::optional<Group::Failure> Group::recorded_failure() const {
    const std::uint64_t word = block_.failure.load();
    if (word == 0 || survives_ends()) return std::nullopt;
    return Failure{static_cast<ErrorCode>((word & 0xff) - 1),
                   static_cast<int>(word >> 8 & 0xff'ffff), static_cast<std::uint32_t>(word >> 32)};
}

void Group::record_failure(ErrorCode code, int culprit, std::uint32_t sequence) {
    std::uint64_t none = 0;
    (void)block_.failure.compare_exchange_strong(none, encode({code, culprit, sequence}));
    // Also when another member was first: it may not have come to raise the alert, and without it a
    // helper whose `touching` we read as 0 could begin a chunk after we have left.
    control_.raise_alert();
    member(rank()).touching.store(0);
    block_.bell.ring_all();
    wait_until_untouched();
}

// The member itself lets go of the others' memory, when it sees this.
void Group::interrupt(ErrorCode code) const {
    std::uint64_t none = 0;
    const std::uint32_t first_open = member(rank()).completed.load() + 1;
    (void)block_.failure.compare_exchange_strong(none, encode({code, rank(), first_open}));
    control_.raise_alert();
    block_.bell.ring_all();
}

void Group::abandon(std::uint32_t sequence) {
    // Before the failure, which others explain by it. Who lets go of the world leaves the job.
    if (identity_.id != 0) member(rank()).closing.store(Closing::giving_up);
    record_failure(ErrorCode::peer_lost, rank(), sequence);
}

void Group::give_up(ErrorCode code, int culprit, std::uint32_t sequence, const std::string& attempt,
                    const std::string& message) {
    record_failure(code, culprit, sequence);
    failure_ =
        std::make_unique<Error>(code, fmt::format("{}: {}", attempt, message), 0, called(culprit));
    throw *failure_;
}

void Group::wait_until_untouched() {
    int first = 0;  // all before it have let go
    const auto is_touching = [this](int other) {
        return member(other).touching.load() != 0 && !has_ended(other);
    };
    const auto untouched = [&] {
        while (first < size() && !is_touching(first)) ++first;
        return first == size();
    };
    // A helper sees the alert at its next chunk. When it lets go it sees the failure, and rings;
    // the end of one that is killed raises another alert. One that was stopped does neither.
    for (int slices = 0;;) {
        const bool may_ask = ask_for_end_ && slices < fence_slices;
        const auto result =
            waiter_.wait(block_.bell, alert(),
                         may_ask ? Deadline::after(fence_slice) : Deadline::never(), untouched);
        if (result == WaitResult::ready) return;
        if (result != WaitResult::timed_out || ++slices < fence_slices) continue;
        for (int other = first; other < size(); ++other)
            if (is_touching(other)) ask_for_end_(identity_.members[other]);
    }
}

std::string Group::describe_end(int member, bool arrived) const {
    const RankState state = state_of(member);
    if (state == RankState::failed)
        return fmt::format("failed: {}", describe_wait_status(slot(member).wait_status.load()));
    if (state < RankState::left && this->member(member).closing.load() != Closing::open)
        return "has closed this communicator";
    return fmt::format("{} {}", state == RankState::exited ? "ended" : "left",
                       arrived ? "in the middle of it" : "without taking part");
}

std::string Group::describe_departure(int member) const {
    switch (state_of(member)) {
        case RankState::left:
            return "left";
        case RankState::exited:
            return "ended";
        case RankState::failed:
            return fmt::format("ended: {}", describe_wait_status(slot(member).wait_status.load()));
        default:
            return "closed this communicator";
    }
}

std::string Group::describe(const Failure& failure) const {
    switch (failure.code) {
        case ErrorCode::timeout:
            return "gave up waiting";
        case ErrorCode::peer_lost:
            return failure.culprit == rank() ? "ends with its program"
                                             : describe_end(failure.culprit, false);
        default:
            return "could not go on";
    }
}

}  // namespace ipcrun
