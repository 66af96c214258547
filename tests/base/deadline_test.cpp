// SPDX-License-Identifier: Apache-2.0
// Proves how much time a deadline leaves, at its ends above all.
#include "base/deadline.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace ipcrun;

TEST_CASE("deadline: never has neither passed nor an end") {
    for (const Deadline deadline :
         {Deadline::never(), Deadline::after(Seconds(1e300)),
          Deadline::after(Seconds(std::numeric_limits<double>::infinity()))}) {
        CHECK(deadline.is_never());
        CHECK_FALSE(deadline.has_passed());
        CHECK_FALSE(deadline.remaining());
        CHECK(deadline.remaining_ms() == -1);
    }
}

TEST_CASE("deadline: nothing remains once it has passed") {
    for (const double seconds : {0.0, -1.0}) {
        const Deadline deadline = Deadline::after(Seconds(seconds));
        CHECK_FALSE(deadline.is_never());
        CHECK(deadline.has_passed());
        CHECK(deadline.remaining() == Clock::duration::zero());
        CHECK(deadline.remaining_ms() == 0);
    }
}

TEST_CASE("deadline: milliseconds for poll are rounded up and fit an int") {
    CHECK(Deadline::after(Seconds(0.9999)).remaining_ms() <= 1000);
    CHECK(Deadline::after(Seconds(1e-4)).remaining_ms() <= 1);
    const Deadline hour = Deadline::after(Seconds(3600));
    CHECK(hour.remaining_ms() > 3'599'000);
    CHECK(hour.remaining_ms() <= 3'600'000);
    CHECK_FALSE(hour.has_passed());
    CHECK(Deadline::after(Seconds(1e9)).remaining_ms() == std::numeric_limits<int>::max());
}
