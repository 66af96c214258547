// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "topology/tree/exact.hpp"

namespace ipcrun::topology {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// A multiset of members is a number: counts by class, in a mixed radix. F_c(R, r) is the least
/// time until a root of class r has the values of the multiset R through at most c children:
///
///     F_c({}, r) = 0,   F_c(R, r) = min over B within R, b in B of
///         max(F_(c-1)(R - B, r), F_d(B - b, b) + L(b, r)) + s(b, r)
///
/// where B is the subtree of the child that is served last. With any degree, c does not count.
class ClassTables {
  public:
    ClassTables(const MemberClasses& classes, double reduce_us_per_byte, double bytes, int degree)
        : classes_(classes), count_(classes.size()), levels_(std::max(degree, 2)), degree_(degree) {
        for (const auto& same : classes.members) {
            stride_.push_back(states_);
            states_ *= static_cast<int>(same.size()) + 1;
        }
        for (const LinkCost& cost : classes.costs) {
            latency_.push_back(cost.latency_us);
            busy_.push_back(cost.gap_us + bytes * (cost.us_per_byte + reduce_us_per_byte / 2));
        }
        for (int root = 0; root < count_; ++root) {
            least_busy_.push_back(never);
            for (int b = 0; b < count_; ++b)
                least_busy_[root] = std::min(least_busy_[root], busy_[b * count_ + root]);
        }
        find_members();
        us_.assign(levels_, std::vector<double>(static_cast<std::size_t>(states_) * count_, never));
        for (std::vector<double>& table : us_)
            for (int root = 0; root < count_; ++root) table[at(root, 0)] = 0;
        for (int state = 1; state < states_; ++state) fill(state);
    }

    ExactTree best() const {
        int root = 0;
        for (int other = 1; other < count_; ++other)
            if (all()[at(other, without(other))] < all()[at(root, without(root))]) root = other;
        return {tree(root), all()[at(root, without(root))]};
    }

  private:
    struct Step {
        double us;
        int subtree, child;  ///< B, b
    };

    std::size_t at(int root, int state) const {
        return static_cast<std::size_t>(root) * states_ + state;
    }
    /// Everyone but a member of that class.
    int without(int root) const { return states_ - 1 - stride_[root]; }
    int levels_in_use() const { return degree_ == 1 ? 1 : levels_; }
    /// F_d.
    const std::vector<double>& all() const { return us_[levels_in_use() - 1]; }
    /// F_(c-1), for the table of c = level + 1.
    const std::vector<double>& before(int level) const {
        return degree_ == 0 ? us_[level] : us_[level - 1];
    }

    void find_members() {
        masks_.assign(states_, 0);
        for (int state = 1; state < states_; ++state)
            for (int b = 0; b < count_; ++b)
                if (digit(state, b) > 0) masks_[state] |= 1U << b;
    }
    int digit(int state, int b) const {
        return state / stride_[b] % (static_cast<int>(classes_.members[b].size()) + 1);
    }

    /// All multisets within `state`, but the empty one.
    void list_subtrees(int state) const {
        subtrees_.assign(1, 0);
        for (int b = 0; b < count_; ++b) {
            const int digits = digit(state, b);
            const std::size_t size = subtrees_.size();
            for (int times = 1; times <= digits; ++times)
                for (std::size_t i = 0; i < size; ++i)
                    subtrees_.push_back(subtrees_[i] + times * stride_[b]);
        }
        subtrees_.erase(subtrees_.begin());
    }

    void fill(int state) {
        list_subtrees(state);
        // Roots that are not left outside of the multiset do not exist, but cost little.
        for (int root = 0; root < count_; ++root) {
            if (digit(state, root) == static_cast<int>(classes_.members[root].size())) continue;
            us_[0][at(root, state)] = only_child(state, root).us;
            for (int level = 1; level < levels_in_use(); ++level)
                us_[level][at(root, state)] = last_child(state, root, level).us;
        }
    }

    Step only_child(int state, int root) const {
        Step best{never, state, -1};
        for (std::uint32_t mask = masks_[state]; mask != 0; mask &= mask - 1) {
            const int b = __builtin_ctz(mask);
            const int pair = b * count_ + root;
            const double us = all()[at(b, state - stride_[b])] + latency_[pair] + busy_[pair];
            if (us < best.us) best = {us, state, b};
        }
        return best;
    }

    /// `subtrees_` are those of the state. Most are out by two looks into tables: what the root
    /// has before, and what this child alone would take.
    Step last_child(int state, int root, int level) const {
        Step best = only_child(state, root);
        const double* alone = &us_[0][at(root, 0)];
        const double* others = &before(level)[at(root, 0)];
        const double* everyone = all().data();
        double limit = best.us - least_busy_[root];
        for (const int subtree : subtrees_) {
            const double ready = others[state - subtree];
            // One branch: which of the two it is cannot be foreseen.
            if (std::max(ready - limit, alone[subtree] - best.us) >= 0) continue;
            for (std::uint32_t mask = masks_[subtree]; mask != 0; mask &= mask - 1) {
                const int b = __builtin_ctz(mask);
                const int pair = b * count_ + root;
                const double arrival = everyone[at(b, subtree - stride_[b])] + latency_[pair];
                const double us = std::max(ready, arrival) + busy_[pair];
                if (us < best.us) best = {us, subtree, b};
            }
            limit = best.us - least_busy_[root];
        }
        return best;
    }

    Tree tree(int root_class) const {
        struct Part {
            int root, root_class, state, level;
        };
        std::vector<int> parent(classes_.class_of.size(), -1);
        std::vector<std::size_t> taken(count_, 0);
        const auto take = [&](int b) { return classes_.members[b][taken[b]++]; };
        std::vector<Part> parts{
            {take(root_class), root_class, without(root_class), levels_in_use() - 1}};
        while (!parts.empty()) {
            const Part part = parts.back();
            parts.pop_back();
            if (part.state == 0) continue;
            list_subtrees(part.state);
            const Step step = part.level == 0 ? only_child(part.state, part.root_class)
                                              : last_child(part.state, part.root_class, part.level);
            check(step.child >= 0, "an exact tree that cannot be built again");
            const int child = take(step.child);
            parent[child] = part.root;
            parts.push_back(
                {child, step.child, step.subtree - stride_[step.child], levels_in_use() - 1});
            parts.push_back({part.root, part.root_class, part.state - step.subtree,
                             part.level - (degree_ == 0 ? 0 : 1)});
        }
        return tree_of(std::move(parent));
    }

    const MemberClasses& classes_;
    int count_;
    int levels_;  ///< tables; with any degree the second has all, the first only one child
    int degree_;
    int states_ = 1;
    std::vector<int> stride_ = {};
    std::vector<double> latency_ = {}, busy_ = {}, least_busy_ = {};
    std::vector<std::uint32_t> masks_ = {};  ///< by multiset: which classes are in it
    std::vector<std::vector<double>> us_ = {};
    mutable std::vector<int> subtrees_ = {};
};

}  // namespace

ExactTree exact_class_tree(const MemberClasses& classes, double reduce_us_per_byte, double bytes,
                           int degree_max) {
    return ClassTables(classes, reduce_us_per_byte, bytes, degree_max).best();
}

}  // namespace ipcrun::topology
