// SPDX-License-Identifier: Apache-2.0
#include "runtime/waiter.hpp"

#include <doctest/doctest.h>

#include "runtime/strangers.hpp"

namespace ipcrun {
namespace {

using std::chrono::microseconds;

// How many waits in a row are told to sleep.
int sleeps(Strangers& strangers) {
    int count = 0;
    while (strangers.are_about()) ++count;
    return count;
}

// How often a crowded waiter looks at what does not come, before it sleeps and after.
int looks_of_a_wait(std::optional<int> turns) {
    std::atomic<std::uint32_t> alert = 0, reports = 0;
    Waiter waiter(alert, reports, true);
    if (turns) waiter.limit_yields(*turns);
    Bell bell{};
    int looks = 0;
    const auto look = [&] {
        ++looks;
        return false;
    };
    CHECK(waiter.wait(bell, 0, Deadline::after(Seconds(0.05)), look) == WaitResult::timed_out);
    return looks;
}

}  // namespace

TEST_CASE("waiter: who has met nobody that computes yields") {
    Strangers strangers;
    CHECK(sleeps(strangers) == 0);
    CHECK_FALSE(strangers.note_yield(microseconds(50)));
    CHECK(sleeps(strangers) == 0);
}

TEST_CASE("waiter: after a yield that lasts for a scheduler's slice it sleeps for a while") {
    Strangers strangers;
    CHECK(strangers.note_yield(microseconds(3000)));
    CHECK(sleeps(strangers) == 64);
    CHECK(sleeps(strangers) == 0);
}

TEST_CASE("waiter: it sleeps ever longer where others go on computing, up to a limit") {
    Strangers strangers;
    int before = 0;
    for (int i = 0; i < 7; ++i) {
        (void)strangers.note_yield(microseconds(3000));
        const int now = sleeps(strangers);
        CHECK(now > before);
        before = now;
    }
    (void)strangers.note_yield(microseconds(3000));
    CHECK(sleeps(strangers) == before);
}

TEST_CASE("waiter: when others have gone for long, the next one is met with patience again") {
    Strangers strangers;
    (void)strangers.note_yield(microseconds(3000));
    (void)strangers.note_yield(microseconds(3000));
    (void)sleeps(strangers);
    for (int i = 0; i < 1000; ++i) (void)strangers.note_yield(microseconds(5));
    (void)strangers.note_yield(microseconds(3000));
    CHECK(sleeps(strangers) == 64);
}

TEST_CASE("waiter: where yields are limited it looks once after each, and then sleeps") {
    constexpr int before_and_after_sleep = 6;
    CHECK(looks_of_a_wait(16) <= 16 + before_and_after_sleep);
    CHECK(looks_of_a_wait(0) <= before_and_after_sleep);
}

}  // namespace ipcrun
