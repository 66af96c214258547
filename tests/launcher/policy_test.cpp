// SPDX-License-Identifier: Apache-2.0
// Proves what is done to a job and when; the time is an argument.
#include "launcher/policy.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace ipcrun;
using namespace std::chrono_literals;

namespace {

constexpr Policy::Action nothing{};
constexpr Policy::Action term{.signal = SIGTERM};
constexpr Policy::Action kill_all{.kill = true};
const Clock::time_point start{};

}  // namespace

TEST_CASE("policy: after a failure a notice, TERM, the grace, KILL") {
    Policy policy(Seconds(0.5));
    CHECK_FALSE(policy.next_deadline());
    policy.rank_failed(3, false, start);
    CHECK(policy.next_deadline() == start + 250ms);
    CHECK_FALSE(policy.is_stopping());
    CHECK(policy.advance(start + 249ms) == nothing);
    CHECK(policy.advance(start + 250ms) == term);
    CHECK(policy.is_stopping());
    CHECK(policy.next_deadline() == start + 750ms);
    CHECK(policy.advance(start + 750ms) == kill_all);
    CHECK_FALSE(policy.next_deadline());
    CHECK(policy.exit_status() == 3);
}

TEST_CASE("policy: the first failure gives the exit status and sets the clock") {
    Policy policy(Seconds(0.5));
    policy.rank_failed(3, false, start);
    policy.rank_failed(9, false, start + 100ms);
    CHECK(policy.exit_status() == 3);
    CHECK(policy.next_deadline() == start + 250ms);
}

TEST_CASE("policy: a failure that follows from another gives way to the cause") {
    Policy policy(Seconds(0.5));
    policy.rank_failed(1, true, start);
    CHECK(policy.exit_status() == 1);
    policy.rank_failed(139, false, start + 1ms);
    CHECK(policy.exit_status() == 139);
    policy.rank_failed(7, false, start + 2ms);
    CHECK(policy.exit_status() == 139);
}

TEST_CASE("policy: what ranks end with while they are stopped is no cause") {
    Policy policy(Seconds(0.5));
    policy.rank_failed(1, true, start);
    CHECK(policy.advance(start + 250ms) == term);
    policy.rank_failed(143, false, start + 260ms);
    CHECK(policy.exit_status() == 1);
}

TEST_CASE("policy: an interrupt is passed on at once, a second one kills") {
    Policy policy(Seconds(0.5));
    CHECK(policy.interrupted(SIGINT, start) == Policy::Action{.signal = SIGINT});
    CHECK(policy.next_deadline() == start + 500ms);
    CHECK(policy.interrupted(SIGINT, start + 10ms) == kill_all);
    CHECK_FALSE(policy.next_deadline());
    CHECK(policy.exit_status() == 130);
}

TEST_CASE("policy: an interrupt ends in KILL after the grace") {
    Policy policy(Seconds(2));
    CHECK(policy.interrupted(SIGTERM, start) == term);
    CHECK(policy.advance(start + 1999ms) == nothing);
    CHECK(policy.advance(start + 2s) == kill_all);
    CHECK(policy.exit_status() == 143);
}

TEST_CASE("policy: an interrupt after a failure keeps the cause and buys no time") {
    Policy policy(Seconds(0.5));
    policy.rank_failed(3, false, start);
    CHECK(policy.advance(start + 250ms) == term);
    CHECK(policy.interrupted(SIGINT, start + 600ms) == Policy::Action{.signal = SIGINT});
    CHECK(policy.next_deadline() == start + 750ms);
    CHECK(policy.exit_status() == 3);
}

TEST_CASE("policy: a time limit or a broken output stops the job with its own status") {
    Policy policy(Seconds(0));
    CHECK(policy.stop(124, start) == term);
    CHECK(policy.advance(start) == kill_all);
    CHECK(policy.stop(141, start) == nothing);
    CHECK(policy.exit_status() == 124);
    CHECK(policy.was_interrupted());
}

TEST_CASE("policy: a batch system that ends the job gives the workers their time") {
    Policy policy(Seconds(0.5));
    policy.terminated();
    CHECK(policy.is_stopping());
    CHECK(policy.was_interrupted());
    CHECK(policy.exit_status() == 128 + SIGTERM);
    policy.rank_failed(3, false, start);
    CHECK_FALSE(policy.next_deadline());
    // It has begun to kill.
    policy.host_lost(1, start + 1s);
    CHECK(policy.next_deadline() == start + 1500ms);
    CHECK(policy.advance(start + 1500ms) == kill_all);
}

TEST_CASE("policy: so it does when the launcher has heard it first") {
    Policy policy(Seconds(0.5));
    CHECK(policy.interrupted(SIGTERM, start) == term);
    policy.terminated();
    CHECK_FALSE(policy.next_deadline());
    CHECK(policy.interrupted(SIGINT, start + 1ms) == kill_all);
}

TEST_CASE("policy: but for a job of which a rank has failed before") {
    Policy policy(Seconds(0.5));
    policy.rank_failed(3, false, start);
    policy.terminated();
    CHECK(policy.next_deadline() == start + 250ms);
    CHECK(policy.exit_status() == 3);
}

TEST_CASE("policy: a host that is lost is a failure") {
    Policy policy(Seconds(0.5));
    policy.host_lost(1, start);
    CHECK(policy.next_deadline() == start + 250ms);
    CHECK(policy.exit_status() == 1);
}
