// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/wave.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "topology/tree/group_units.hpp"
#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

namespace {

constexpr int any_degree = std::numeric_limits<int>::max();

/// What the wave knows of a group.
struct Front {
    int next_group = 0;   ///< index into its groups: those before have been entered
    int next_member = 0;  ///< index into its members, likewise
    int missing = 0;      ///< members without the value
    int places = 0;       ///< children that its members with the value can still have
    bool entered = false;
    double busy_us = 0;  ///< s and L of a message within
    double latency_us = 0;
    std::vector<std::pair<double, int>> parked = {};  ///< members that must not send out of it
};

class Wave {
  public:
    Wave(const Costs& costs, const WaveWish& wish)
        : costs_(costs),
          bytes_(wish.bytes),
          degree_(wish.degree_max > 0 ? wish.degree_max : any_degree),
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

    bool has_fresh(int group) { return fresh_group(group) >= 0 || fresh_member(group) >= 0; }

    /// The first member along the way into a group.
    int entry_of(int group) {
        for (int inner = fresh_group(group); inner >= 0; inner = fresh_group(group)) group = inner;
        return fresh_member(group);
    }

    void send(int sender, double now) {
        int target = -1, group = costs_.group_of[sender];
        for (; group >= 0; group = costs_.groups[group].parent) {
            if (has_fresh(group)) target = group;
            if (!can_spare(fronts_[group])) break;
        }
        if (target >= 0) {
            send_within(sender, target, now);
        } else if (group >= 0) {
            fronts_[group].parked.emplace_back(now, sender);
        }
        // Else all groups around it have been entered: others finish them.
    }

    void send_within(int sender, int group, double now) {
        const Front& front = fronts_[group];
        double busy = front.busy_us, latency = front.latency_us;
        const int inner = fresh_group(group);
        int receiver = inner >= 0 ? entry_of(inner) : fresh_member(group);
        if (costs_.groups[group].matrix >= 0) {
            receiver = nearest(sender, group);
            const LinkCost cost = costs_.between(sender, receiver);
            busy = busy_us(cost);
            latency = cost.latency_us;
        }
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
        for (int group = costs_.group_of[member]; group >= 0; group = costs_.groups[group].parent) {
            Front& front = fronts_[group];
            front.entered = true;
            --front.missing;
            front.places = degree_ == any_degree ? any_degree : front.places + degree_;
            wake(front, now);
        }
        free_.emplace(now, member);
    }

    // As many as can send out now, the earliest of them first.
    void wake(Front& front, double now) {
        for (int spare = front.missing == 0 ? any_degree : front.places - 1;
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
    GroupUnits units_;
    std::vector<Front> fronts_;
    std::vector<int> parent_, left_;
    std::vector<char> has_value_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> free_;
};

}  // namespace

Tree wave_tree(const Costs& costs, const WaveWish& wish) {
    Tree tree = tree_of(Wave(costs, wish).run(wish.root));
    order_children(tree, costs, wish.bytes);
    return tree;
}

}  // namespace ipcrun::topology
