// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/growth.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace ipcrun::topology {

namespace {

// Deeper groups count as if they were at this level; their cheapest costs count.
constexpr int levels_max = 12;
// Steps of time on the grid: first to find the range, then for the value.
constexpr int coarse_steps = 256;
constexpr int fine_steps = 2048;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Messages between members whose smallest common group is at one depth.
struct Level {
    int members_max = 1;  ///< of a group there
    double latency_us = infinite, busy_us = infinite;

    void take(const LinkCost& cost, double busy) {
        latency_us = std::min(latency_us, cost.latency_us);
        busy_us = std::min(busy_us, busy);
    }
};

std::vector<Level> levels_of(const Costs& costs, double bytes) {
    std::vector<Level> levels;
    std::vector<int> depth(costs.groups.size(), 0);
    const auto busy = [&](const LinkCost& cost) {
        return cost.gap_us + bytes * (cost.us_per_byte + costs.reduce_us_per_byte / 2);
    };
    for (std::size_t index = 0; index < costs.groups.size(); ++index) {
        const Group& group = costs.groups[index];
        if (index > 0) depth[index] = std::min(depth[group.parent] + 1, levels_max - 1);
        levels.resize(std::max(levels.size(), static_cast<std::size_t>(depth[index]) + 1));
        Level& level = levels[depth[index]];
        level.members_max = std::max(level.members_max, group.size());
        if (group.matrix < 0) {
            level.take(group.cost, busy(group.cost));
            continue;
        }
        const PairMatrix& matrix = costs.matrices[group.matrix];
        for (int a = 0; a < matrix.size; ++a)
            for (int b = a + 1; b < matrix.size; ++b)
                level.take(matrix.costs[static_cast<std::size_t>(a) * matrix.size + b],
                           busy(matrix.costs[static_cast<std::size_t>(a) * matrix.size + b]));
    }
    return levels;
}

/// Members with the value by the end of each step, at most: within one member at first, then within
/// groups of one level after the other, from the innermost.
class Growth {
  public:
    Growth(int steps, double step_us, int degree)
        : steps_(steps), step_us_(step_us), degree_(degree), members_(steps, 1), sends_(steps) {}

    void widen(const Level& level) {
        count_sends(level);
        const double most = level.members_max;
        std::vector<std::pair<int, double>> arrivals;  // when, how many
        double before = 0;
        for (int step = 0; step < steps_; ++step) {
            if (sends_[step] > before) arrivals.emplace_back(step, sends_[step] - before);
            before = std::max(before, sends_[step]);
        }
        std::vector<double> wide(steps_, most);
        for (int step = 0; step < steps_; ++step) {
            if (!arrivals.empty() && arrivals[0].first == 0) break;  // no time at all
            double members = members_[step];
            for (const auto& [at, count] : arrivals) {
                if (at > step || members >= most) break;
                members += count * wide[step - at];
            }
            wide[step] = std::min(members, most);
            if (members >= most) break;  // and so for all later steps
        }
        members_ = std::move(wide);
    }

    /// The first step with so many, or `steps`.
    int reaches(double members) const {
        const auto found = std::lower_bound(members_.begin(), members_.end(), members);
        return static_cast<int>(found - members_.begin());
    }

  private:
    /// Messages that members of one part have sent over links of that level, and that are there:
    /// the i-th of a member takes L + i s after it has the value, and of m members' places m - 1
    /// are taken by themselves.
    void count_sends(const Level& level) {
        sends_.assign(steps_, 0);
        const double first = (level.latency_us + level.busy_us) / step_us_;
        for (int i = 1; degree_ == 0 || i <= degree_; ++i) {
            const double shift = (level.latency_us + i * level.busy_us) / step_us_;
            if (shift >= steps_) break;
            const int by = static_cast<int>(shift);
            for (int step = by; step < steps_; ++step) sends_[step] += members_[step - by];
            // Nothing grows faster than messages that keep nobody busy.
            if (level.busy_us <= 0 && degree_ == 0) {
                std::fill(sends_.begin() + by, sends_.end(), level.members_max);
                break;
            }
            if (sends_[by] >= level.members_max) break;
        }
        if (degree_ == 0) return;
        for (int step = static_cast<int>(std::min<double>(first, steps_)); step < steps_; ++step) {
            const double senders = members_[step - static_cast<int>(first)];
            sends_[step] = std::min(sends_[step], (degree_ - 1) * senders + 1);
        }
    }

    int steps_;
    double step_us_;
    int degree_;
    std::vector<double> members_, sends_;
};

/// The step by whose beginning not everyone can have the value, or the last.
int steps_needed(const std::vector<Level>& levels, int steps, double step_us, int degree) {
    Growth growth(steps, step_us, degree);
    for (auto level = levels.rbegin(); level != levels.rend(); ++level)
        if (level->latency_us < infinite) growth.widen(*level);
    return growth.reaches(levels[0].members_max);
}

}  // namespace

double growth_bound_us(const Costs& costs, double bytes, int degree_max) {
    if (costs.size() < 2) return 0;
    const std::vector<Level> levels = levels_of(costs, bytes);
    double range_us = 0;
    for (const Level& level : levels) range_us += level.latency_us + 2 * level.busy_us;
    if (range_us <= 0) return 0;
    int steps = coarse_steps;
    for (; steps == coarse_steps; range_us *= 2)
        steps = steps_needed(levels, coarse_steps, range_us / coarse_steps, degree_max);
    range_us *= 0.5 * (steps + 1) / coarse_steps;
    return range_us / fine_steps *
           steps_needed(levels, fine_steps, range_us / fine_steps, degree_max);
}

}  // namespace ipcrun::topology
