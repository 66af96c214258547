// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/wave.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "topology/tree/group_units.hpp"

namespace ipcrun::topology {

namespace {

// How much of the time that a group takes to be filled must be left for help to be worth a send.
constexpr double late_share = 0.4;
// From here on a message to a member's counterpart is worth more than one to who would wait
// longest.
constexpr double rail_bytes = 1024;
constexpr int any_degree = std::numeric_limits<int>::max();

/// What the wave knows of a group.
struct Front {
    int next_group = 0;   ///< index into its groups: those before have been entered
    int next_member = 0;  ///< index into its members, likewise
    int last_group = -1;  ///< one behind those that helpers have not entered, from the end; -1: all
    int helped = 0;       ///< index of its group that the next helper looks at
    int units = 0;        ///< groups and members directly within it
    int fresh = 0;        ///< those of them that have not been entered
    int missing = 0;      ///< members without the value
    std::int64_t places = 0;  ///< children that its members with the value can still have
    bool entered = false;
    double busy_us = 0;  ///< s and L of a message within
    double latency_us = 0;
    double entered_us = 0;
    double fill_us = 0;  ///< until its members have reached all of it, about
    std::vector<std::pair<double, int>> parked = {};  ///< members that must not send out of it
};

class Wave {
  public:
    Wave(const Costs& costs, const WaveWish& wish)
        : costs_(costs),
          bytes_(wish.bytes),
          degree_(wish.degree_max > 0 ? wish.degree_max : any_degree),
          helps_(wish.helps),
          eagerness_(wish.eagerness),
          units_(costs),
          fronts_(costs.groups.size()),
          parent_(costs.group_of.size(), -1),
          left_(costs.group_of.size(), degree_),
          has_value_(costs.group_of.size(), 0) {
        for (std::size_t group = 0; group < fronts_.size(); ++group) {
            const LinkCost& cost = costs.groups[group].cost;
            fronts_[group].missing = costs.groups[group].size();
            fronts_[group].busy_us = busy_us(cost);
            fronts_[group].latency_us = cost.latency_us;
        }
        // Rounds in each of which twice as many have the value, and what fills the largest unit.
        for (std::size_t group = fronts_.size(); group-- > 0;) {
            Front& front = fronts_[group];
            front.units = static_cast<int>(units_.groups_in(static_cast<int>(group)).size() +
                                           units_.members_in(static_cast<int>(group)).size());
            front.fresh = front.units;
            front.fill_us += std::log2(front.units) * (front.latency_us + front.busy_us);
            if (group == 0) break;
            Front& outer = fronts_[costs.groups[group].parent];
            outer.fill_us = std::max(outer.fill_us, front.fill_us);
        }
    }

    std::vector<int> run(int root) {
        give(root, 0);
        while (!free_.empty()) {
            const auto [now, sender] = free_.top();
            free_.pop();
            send(sender, now);
        }
        check(fronts_[0].missing == 0, "a wave that does not reach everyone");
        return std::move(parent_);
    }

  private:
    double busy_us(const LinkCost& cost) const {
        return cost.gap_us + bytes_ * (cost.us_per_byte + costs_.reduce_us_per_byte / 2);
    }

    // A member alone in a group's places would leave the rest of the group without a way in.
    bool can_spare(const Front& front) const { return front.missing == 0 || front.places >= 2; }

    // Inside, members grow in number faster than by far sends. So a unit sends far once it has as
    // many places as its share of the units that wait there, or `eagerness_` of that.
    bool is_time(const Front& front, double places) const {
        return places * eagerness_ * (front.units - front.fresh) >= front.fresh;
    }

    /// A group that nobody of it has been reached in, or -1.
    int fresh_group(int group) {
        Front& front = fronts_[group];
        const auto groups = units_.groups_in(group);
        while (front.next_group < static_cast<int>(groups.size())) {
            if (!fronts_[groups[front.next_group]].entered) return groups[front.next_group];
            ++front.next_group;
        }
        return -1;
    }

    /// A member of the group alone that has not been reached, or -1.
    int fresh_member(int group) {
        Front& front = fronts_[group];
        const auto members = units_.members_in(group);
        while (front.next_member < static_cast<int>(members.size())) {
            if (has_value_[members[front.next_member]] == 0) return members[front.next_member];
            ++front.next_member;
        }
        return -1;
    }

    /// The first member along the way into a group.
    int entry_of(int group) {
        for (int inner = fresh_group(group); inner >= 0; inner = fresh_group(group)) group = inner;
        return fresh_member(group);
    }

    /// The member of `fresh`, a group within `group` that nobody has been reached in, that is
    /// placed there as the sender is in its own: what several members of a group send outside then
    /// goes to different places elsewhere, so by different rails, and by different links of
    /// switches that route by destination.
    int counterpart(int sender, int group, int fresh) const {
        int own = costs_.group_of[sender];
        if (own == group) return costs_.groups[fresh].begin;
        while (costs_.groups[own].parent != group) own = costs_.groups[own].parent;
        const int offset = sender - costs_.groups[own].begin;
        return costs_.groups[fresh].begin + offset % costs_.groups[fresh].size();
    }

    void send(int sender, double now) {
        int target = -1, group = costs_.group_of[sender];
        auto places =
            static_cast<double>(left_[sender]);  // of the unit of the group that the sender is in
        for (; group >= 0; group = costs_.groups[group].parent) {
            const Front& front = fronts_[group];
            if (front.fresh > 0 && (target < 0 || is_time(front, places))) target = group;
            if (!can_spare(front)) break;
            places = static_cast<double>(front.places);
        }
        if (target >= 0) {
            send_within(sender, target, now);
        } else if (group >= 0) {
            fronts_[group].parked.emplace_back(now, sender);
        } else {
            help(sender, now);
        }
    }

    /// All groups around the sender have been entered, but other members may be far from having
    /// reached all of one: then it sends there once more, to what they would reach last.
    void help(int sender, double now) {
        if (!helps_) return;
        for (int group = costs_.groups[costs_.group_of[sender]].parent; group >= 0;
             group = costs_.groups[group].parent) {
            if (fronts_[group].missing == 0) continue;
            const double arrival = now + fronts_[group].busy_us + fronts_[group].latency_us;
            const int receiver = last_within(group, arrival, sender);
            if (receiver < 0) continue;
            hand_over(sender, receiver, now, fronts_[group].busy_us, fronts_[group].latency_us);
            return;
        }
    }

    /// A member that those within its group would reach later than `arrival`; in turn from all of
    /// the groups within. -1: there is none nearby.
    int last_within(int group, double arrival, int sender = -1) {
        constexpr int looks_max = 8;
        const auto groups = units_.groups_in(group);
        Front& front = fronts_[group];
        const int looks = std::min<int>(looks_max, static_cast<int>(groups.size()));
        for (int look = 0; look < looks; ++look) {
            front.helped = (front.helped > 0 ? front.helped : static_cast<int>(groups.size())) - 1;
            const int inner = groups[front.helped];
            const Front& other = fronts_[inner];
            if (!other.entered || other.missing == 0) continue;
            if (other.entered_us + late_share * other.fill_us < arrival) continue;
            const bool is_rail = sender >= 0 && bytes_ >= rail_bytes;
            const int opposite = is_rail ? counterpart(sender, group, inner) : -1;
            if (opposite >= 0 && has_value_[opposite] == 0) return opposite;
            const int fresh = last_fresh_group(inner);
            if (fresh >= 0) return entry_of(fresh);
            const int deeper = last_within(inner, arrival);
            if (deeper >= 0) return deeper;
            const int member = fresh_member(inner);
            if (member >= 0) return member;
        }
        return -1;
    }

    int last_fresh_group(int group) {
        Front& front = fronts_[group];
        const auto groups = units_.groups_in(group);
        if (front.last_group < 0) front.last_group = static_cast<int>(groups.size());
        while (front.last_group > 0) {
            if (!fronts_[groups[front.last_group - 1]].entered) return groups[front.last_group - 1];
            --front.last_group;
        }
        return -1;
    }

    void send_within(int sender, int group, double now) {
        const Front& front = fronts_[group];
        double busy = front.busy_us, latency = front.latency_us;
        const int inner = fresh_group(group);
        int receiver = inner >= 0 ? counterpart(sender, group, inner) : fresh_member(group);
        if (costs_.groups[group].matrix >= 0) {
            receiver = nearest(sender, group);
            const LinkCost cost = costs_.between(sender, receiver);
            busy = busy_us(cost);
            latency = cost.latency_us;
        }
        hand_over(sender, receiver, now, busy, latency);
    }

    void hand_over(int sender, int receiver, double now, double busy, double latency) {
        parent_[receiver] = sender;
        if (degree_ != any_degree) {
            --left_[sender];
            for (int around = costs_.group_of[sender]; around >= 0;
                 around = costs_.groups[around].parent)
                --fronts_[around].places;
        }
        if (left_[sender] > 0) free_.emplace(now + busy, sender);
        give(receiver, now + busy + latency);
    }

    /// The member without the value that a message from `sender` is at first.
    int nearest(int sender, int group) {
        int best = -1;
        double best_us = 0;
        for (const int member : units_.members_in(group)) {
            if (has_value_[member] != 0) continue;
            const LinkCost cost = costs_.between(sender, member);
            const double us = busy_us(cost) + cost.latency_us;
            if (best < 0 || us < best_us) best = member, best_us = us;
        }
        return best;
    }

    void give(int member, double now) {
        has_value_[member] = 1;
        --fronts_[costs_.group_of[member]].fresh;
        for (int group = costs_.group_of[member]; group >= 0; group = costs_.groups[group].parent) {
            Front& front = fronts_[group];
            if (!front.entered) {
                front.entered_us = now;
                front.entered = true;
                if (group > 0) --fronts_[costs_.groups[group].parent].fresh;
            }
            --front.missing;
            front.places = degree_ == any_degree ? any_degree : front.places + degree_;
            wake(front, now);
        }
        free_.emplace(now, member);
    }

    // As many as can send out now, the earliest of them first.
    void wake(Front& front, double now) {
        for (std::int64_t spare = front.missing == 0 ? any_degree : front.places - 1;
             spare > 0 && !front.parked.empty(); --spare) {
            const auto [since, member] = front.parked.back();
            front.parked.pop_back();
            free_.emplace(std::max(since, now), member);
        }
    }

    using Event = std::pair<double, int>;  // when, who
    const Costs& costs_;
    double bytes_;
    int degree_;
    bool helps_;
    double eagerness_;
    GroupUnits units_;
    std::vector<Front> fronts_;
    std::vector<int> parent_, left_;
    std::vector<char> has_value_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> free_;
};

}  // namespace

std::vector<int> wave_parents(const Costs& costs, const WaveWish& wish) {
    return Wave(costs, wish).run(wish.root);
}

}  // namespace ipcrun::topology
