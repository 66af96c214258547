// SPDX-License-Identifier: Apache-2.0
#include "runtime/free_runs.hpp"

#include <algorithm>

namespace ipcrun {

void FreeRuns::insert(std::uint64_t first, Run run) {
    const auto placed = runs_.emplace(first, run).first;
    try {
        by_size_.emplace(run.count, first);
    } catch (...) {
        runs_.erase(placed);
        throw;
    }
    if (run.held) held_ += run.count;
}

void FreeRuns::erase(Runs::iterator run) {
    by_size_.erase({run->second.count, run->first});
    if (run->second.held) held_ -= run->second.count;
    runs_.erase(run);
}

// Of a run that is held.
void FreeRuns::grow(Runs::iterator run, std::uint64_t count) {
    auto node = by_size_.extract({run->second.count, run->first});
    run->second.count += count;
    held_ += count;
    node.value().first = run->second.count;
    by_size_.insert(std::move(node));
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
    insert(first, {count, true, now});
    // What follows needs no memory. A merged run counts as held and idle since just now when any
    // part of it is: returning memory late costs little, returning it early costs page faults.
    auto run = runs_.find(first);
    if (const auto next = runs_.find(first + count); next != runs_.end()) {
        const std::uint64_t more = next->second.count;
        erase(next);
        grow(run, more);
    }
    if (run == runs_.begin()) return;
    const auto previous = std::prev(run);
    if (previous->first + previous->second.count != first) return;
    const std::uint64_t more = run->second.count;
    erase(run);
    if (!previous->second.held) held_ += previous->second.count;
    previous->second.held = true;
    previous->second.idle_since = now;
    grow(previous, more);
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
