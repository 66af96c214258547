// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Two members that both wait, without a deadline, in a send to each other because each is behind
/// with receiving: neither will ever receive. How they find out, for certain.

#include <cstdint>

#include "runtime/group.hpp"

namespace ipcrun {

/// What one such member does beside its wait. Each of the two has a word in shared memory (in its
/// channel to the other): the number of the message that it waits with, the number of the other's
/// that it has seen waiting, and how far it has come:
///
///   waits   the message is offered.
///   looked  it has done all that it could after it saw the other wait: from now on it receives
///           nothing of the other's, and makes no more room for it.
///   final   it has looked again after it saw that the other had looked: no room was made for it.
///
/// When both are final, with each other's present messages, neither can go on. Numbers are not used
/// again, so a word that has not changed tells that its member has been waiting all the time. The
/// lower rank of the two says so, into the other's word; and neither leaves its send before both
/// messages are withdrawn, for else the first to leave could receive the other's.
class Standoff {
  public:
    /// This member waits with its message `number` (in the order of those it sent to `peer`).
    Standoff(Group& group, int peer, std::uint64_t number);
    Standoff(const Standoff&) = delete;
    /// It waits no more.
    ~Standoff();

    /// Before each time that the member does all that it can.
    void look() { seen_ = theirs_.load(); }
    /// After it, when that was in vain.
    void tell();
    /// For conditions of waits: has the other's word changed, or has it confirmed?
    bool has_news() const { return theirs_.load() != seen_ || is_stuck(); }

    /// Is it certain, and is it for this member to say so? From then on the other waits for
    /// confirm() or take_back().
    bool claim();
    /// Both messages are to be withdrawn: this member has withdrawn its own.
    void confirm();
    void take_back();
    /// Has the other not withdrawn its message yet?
    bool is_pending() const { return theirs_.load() == verdict(seen_, Step::stuck); }

    /// Has the other confirmed it?
    bool is_stuck() const { return own_.load() == verdict(told_, Step::stuck); }

  private:
    enum class Step : std::uint64_t { waits, looked, final, claimed, stuck };
    static constexpr int number_bits = 30;
    static constexpr std::uint64_t number_mask = (1ull << number_bits) - 1;
    static constexpr std::uint64_t word(std::uint64_t own, std::uint64_t other, Step step) {
        return static_cast<std::uint64_t>(step) << 2 * number_bits | other << number_bits | own;
    }
    static constexpr std::uint64_t own_of(std::uint64_t word) { return word & number_mask; }
    static constexpr std::uint64_t other_of(std::uint64_t word) {
        return word >> number_bits & number_mask;
    }
    static constexpr Step step_of(std::uint64_t word) { return Step(word >> 2 * number_bits); }
    static constexpr std::uint64_t verdict(std::uint64_t final, Step step) {
        return word(own_of(final), other_of(final), step);
    }

    Group& group_;
    int peer_;
    std::uint64_t number_;                // from 1
    std::atomic<std::uint64_t>& own_;     // 0: does not wait
    std::atomic<std::uint64_t>& theirs_;  // of the other
    std::uint64_t told_ = 0;              // what this member wrote last
    std::uint64_t seen_ = 0;              // what it read last
};

}  // namespace ipcrun
