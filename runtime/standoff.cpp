// SPDX-License-Identifier: Apache-2.0
#include "runtime/standoff.hpp"

namespace ipcrun {

Standoff::Standoff(Group& group, int peer, std::uint64_t number)
    : group_(group),
      peer_(peer),
      number_(number % number_mask + 1),
      own_(group.block().channel(group.size(), group.rank(), peer).standoff),
      theirs_(group.block().channel(group.size(), peer, group.rank()).standoff) {}

Standoff::~Standoff() {
    own_.store(0);
    // The other may wait until this member has left.
    if (told_ != 0) group_.ring_mail(peer_);
}

void Standoff::tell() {
    const std::uint64_t other = own_of(seen_);
    auto step = Step::waits;
    if (other != 0) {
        const bool has_looked = other_of(seen_) == number_ && step_of(seen_) >= Step::looked;
        step = has_looked ? Step::final : Step::looked;
    }
    // What it has come to with the present message of the other stays true.
    if (other == other_of(told_) && own_of(told_) != 0 && step <= step_of(told_)) return;
    const std::uint64_t next = word(number_, other, step);
    std::uint64_t expected = told_;
    // Else the other has claimed it: nothing is to be told any more.
    if (!own_.compare_exchange_strong(expected, next)) return;
    told_ = next;
    group_.ring_mail(peer_);
}

bool Standoff::claim() {
    if (group_.rank() > peer_ || step_of(told_) != Step::final || own_.load() != told_ ||
        seen_ != word(other_of(told_), number_, Step::final))
        return false;
    std::uint64_t expected = seen_;
    return theirs_.compare_exchange_strong(expected, verdict(seen_, Step::claimed));
}

void Standoff::confirm() {
    std::uint64_t expected = verdict(seen_, Step::claimed);
    (void)theirs_.compare_exchange_strong(expected, verdict(seen_, Step::stuck));
    group_.ring_mail(peer_);
}

void Standoff::take_back() {
    std::uint64_t expected = verdict(seen_, Step::claimed);
    (void)theirs_.compare_exchange_strong(expected, seen_);
    group_.ring_mail(peer_);
}

}  // namespace ipcrun
