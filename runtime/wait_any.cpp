// SPDX-License-Identifier: Apache-2.0
#include "runtime/wait_any.hpp"

#include <sched.h>

#include "base/fail.hpp"
#include "runtime/communicator_impl.hpp"
#include "runtime/sources_sleep.hpp"

namespace ipcrun {

namespace {

// As a Waiter yields before it sleeps.
constexpr std::chrono::microseconds yield_time{200};

std::optional<std::size_t> look(std::span<const Source> sources, int tag, std::size_t first) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const std::size_t index = (first + i) % sources.size();
        const auto& [communicator, member] = sources[index];
        // In this order: whoever had departed when it looked has sent what it did not find never.
        if (communicator->test_message(member, tag) || communicator->impl().is_forsaken(member))
            return index;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::size_t> wait_any(std::span<const Source> sources, int tag, std::size_t first,
                                    Deadline deadline) {
    if (sources.empty() && !deadline.has_passed())
        fail(ErrorCode::usage, "wait for a message: there is nobody to wait for");
    auto found = look(sources, tag, first);
    const auto yield_until = Clock::now() + yield_time;
    while (!found && !deadline.has_passed() && Clock::now() < yield_until) {
        ::sched_yield();
        found = look(sources, tag, first);
    }
    if (found || deadline.has_passed()) return found;
    SourcesSleep sleep(sources);
    for (;;) {
        const SourcesSleep::Raised raised(sleep);
        found = look(sources, tag, first);
        if (found || deadline.has_passed()) return found;
        raised.wait(deadline);
    }
}

}  // namespace ipcrun
