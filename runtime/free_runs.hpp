// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which runs of an arena's units are free: best fit, merged with their neighbours, and with the
/// time since when their memory is idle. Pure bookkeeping: knows no memory and no clock.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/deadline.hpp"

namespace ipcrun {

class FreeRuns {
  public:
    /// All of `units` units are free and were never touched.
    explicit FreeRuns(std::uint64_t units) : units_(units) {}

    /// Takes `count` units: the smallest free run that fits, the lowest of equals, before untouched
    /// ones; so warm memory is used again. Nullopt when nothing fits. O(log runs).
    std::optional<std::uint64_t> take(std::uint64_t count);

    /// Gives units back that `take` gave out. O(log runs). When it throws std::bad_alloc they are
    /// lost, and nothing else.
    void give_back(std::uint64_t first, std::uint64_t count, Clock::time_point now);

    /// Free runs whose memory is still held and idle since before `limit`: they count as returned
    /// to the system from now on. {first, count} each.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> expire(Clock::time_point limit);

    /// Free units whose memory is still held.
    std::uint64_t held() const { return held_; }

  private:
    struct Run {
        std::uint64_t count;
        bool held;                     // its memory has not been returned
        Clock::time_point idle_since;  // when held
    };
    using Runs = std::map<std::uint64_t, Run>;  // by first unit
    void insert(std::uint64_t first, Run run);
    void erase(Runs::iterator run);
    void grow(Runs::iterator run, std::uint64_t count);

    std::uint64_t units_;
    std::uint64_t top_ = 0;  // units from here on were never taken
    std::uint64_t held_ = 0;
    Runs runs_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  // {count, first}
};

}  // namespace ipcrun
