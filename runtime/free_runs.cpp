// SPDX-License-Identifier: Apache-2.0
#include "runtime/free_runs.hpp"

#include <algorithm>

namespace ipcrun {

void FreeRuns::insert(std::uint64_t first, Run run) {
    runs_.emplace(first, run);
    by_size_.emplace(run.count, first);
    if (run.held) held_ += run.count;
}

void FreeRuns::erase(Runs::iterator run) {
    by_size_.erase({run->second.count, run->first});
    if (run->second.held) held_ -= run->second.count;
    runs_.erase(run);
}

std::optional<std::uint64_t> FreeRuns::take(std::uint64_t count) {
    const auto fit = by_size_.lower_bound({count, 0});
    if (fit == by_size_.end()) {
        if (count > units_ - top_) return std::nullopt;
        const std::uint64_t first = top_;
        top_ += count;
        return first;
    }
    const std::uint64_t first = fit->second;
    const auto found = runs_.find(first);
    const Run run = found->second;
    erase(found);
    if (run.count > count) insert(first + count, {run.count - count, run.held, run.idle_since});
    return first;
}

void FreeRuns::give_back(std::uint64_t first, std::uint64_t count, Clock::time_point now) {
    Run run{count, true, now};
    // A merged run counts as held and idle since just now when any part of it is: returning memory
    // late costs little, returning it early costs page faults.
    const auto next = runs_.find(first + count);
    if (next != runs_.end()) {
        run.count += next->second.count;
        erase(next);
    }
    const auto after = runs_.lower_bound(first);
    if (after != runs_.begin()) {
        const auto previous = std::prev(after);
        if (previous->first + previous->second.count == first) {
            first = previous->first;
            run.count += previous->second.count;
            erase(previous);
        }
    }
    insert(first, run);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> FreeRuns::expire(Clock::time_point limit) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> expired;
    for (auto& [first, run] : runs_) {
        if (!run.held || run.idle_since >= limit) continue;
        run.held = false;
        held_ -= run.count;
        expired.emplace_back(first, run.count);
    }
    return expired;
}

}  // namespace ipcrun
