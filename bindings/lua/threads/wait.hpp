// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How a thread waits for another of its household.

#include <span>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

/// The household of a state. Throws Error{usage} for a finaliser that Lua calls when the state is
/// closed and its context was collected before.
inline Household& household_of(const Context& shared, const char* operation) {
    if (shared.household == nullptr)
        fail(ErrorCode::usage, "{}: this Lua state is being closed", operation);
    return *shared.household;
}

/// Waits until `condition()` holds: true; false when the deadline passes. Whoever makes it true
/// rings one of the bells. `condition` may throw what ends the wait. Throws Error{peer_lost} when
/// the program ends, and as household_of(). `operation` begins that message: "read".
template <typename Condition>
bool wait_for(Context& shared, std::span<Bell* const> bells, Deadline deadline,
              const char* operation, Condition condition) {
    Household& household = household_of(shared, operation);
    const auto fail_ending = [operation] {
        fail(ErrorCode::peer_lost, "{}: the program that this thread belongs to is ending",
             operation);
    };
    // What a program lets go of when it ends may end a wait, too: that is not the reason to tell.
    const auto look = [&] {
        try {
            return condition();
        } catch (const Error&) {
            if (household.is_closing()) fail_ending();
            throw;
        }
    };
    for (;;) {
        const std::uint32_t alert = household.alert();
        // A thread that is told to end may still take what is there; so may finalisers that are
        // called when the first state is closed.
        if (household.is_closing()) {
            if (look()) return true;
            fail_ending();
        }
        shared.waiter->set_crowded(household.is_crowded());
        switch (shared.waiter->wait(bells, alert, deadline, look)) {
            case WaitResult::ready:
                return true;
            case WaitResult::timed_out:
                return false;
            case WaitResult::alerted:
                break;
        }
    }
}

}  // namespace ipcrun::lua
