// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/exact.hpp"

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

// Pairs of states looked at, for each of some sizes of message: 6e6, of 12 members that all differ,
// took 12 ms on a core of an EPYC (November 2026).
constexpr double work_max = 2e7;
constexpr int classes_max = 16;

// As many as `degree_max` allows and the members can have; 0: no matter.
int degree_for(int members, int degree_max) {
    return degree_max < members - 1 ? degree_max : 0;
}

// Sub-multisets of all multisets of the members, for each root and each number of children.
double work_of(const MemberClasses& classes, int members, int degree) {
    const double levels = degree > 1 ? degree - 1 : 1;
    if (classes.size() == 1) return levels * members;
    double work = levels * classes.size();
    for (const auto& same : classes.members) {
        const auto count = static_cast<double>(same.size());
        work *= (count + 1) * (count + 2) / 2;
    }
    return work;
}

}  // namespace

ExactTrees::ExactTrees(const Costs& costs, int degree_max)
    : costs_(costs),
      degree_max_(degree_for(costs.size(), degree_max)),
      classes_(classes_of(costs, classes_max)) {
    if (classes_ && work_of(*classes_, costs.size(), degree_max_) > work_max) classes_.reset();
}

const ExactTree& ExactTrees::best(double bytes) {
    check(affordable(), "an exact tree of too many members");
    const auto place = found_.find(bytes);
    return place != found_.end() ? place->second : found_.emplace(bytes, find(bytes)).first->second;
}

ExactTree ExactTrees::find(double bytes) const {
    if (classes_->size() > 1)
        return exact_class_tree(*classes_, costs_.reduce_us_per_byte, bytes, degree_max_);
    const LinkCost& cost = classes_->costs[0];
    return exact_even_tree(costs_.size(), cost.latency_us,
                           cost.gap_us + bytes * (cost.us_per_byte + costs_.reduce_us_per_byte / 2),
                           degree_max_);
}

}  // namespace ipcrun::topology
