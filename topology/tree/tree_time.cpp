// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/tree_time.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/fail.hpp"
#include "topology/tree/load.hpp"
#include "topology/tree/ordered_time.hpp"

namespace ipcrun::topology {

namespace {

/// A tree in the order of breadth, so that passes over it run along memory: the children of entry
/// i are the entries [first_child[i], first_child[i + 1]).
struct Breadth {
    std::vector<int> member;
    std::vector<int> first_child;
    std::vector<LinkCost> cost;  ///< to the parent

    Breadth(const Tree& tree, const Costs& costs) {
        check(tree.size() == costs.size(), "a tree over other members than those of the costs");
        const auto size = static_cast<std::size_t>(tree.size());
        member.reserve(size);
        first_child.reserve(size + 1);
        cost.reserve(size);
        member.push_back(tree.root);
        cost.emplace_back();
        for (std::size_t i = 0; i < member.size(); ++i) {
            first_child.push_back(static_cast<int>(member.size()));
            const int parent = member[i];
            for (const int child : tree.children_of(parent)) {
                member.push_back(child);
                cost.push_back(costs.between(child, parent));
            }
        }
        first_child.push_back(static_cast<int>(member.size()));
        check(member.size() == size, "a tree that does not reach everyone");
    }

    int size() const { return static_cast<int>(member.size()); }
};

double fold(double ready_us, double child_us, const LinkCost& cost, double bytes, double half) {
    return std::max(ready_us, child_us + cost.latency_us) + cost.gap_us +
           bytes * (cost.us_per_byte + half);
}

/// R(root); `ready` is scratch.
double ready_us(const Breadth& tree, double bytes, double reduce_us_per_byte,
                std::vector<double>& ready) {
    const double half = reduce_us_per_byte / 2;
    ready.assign(tree.member.size(), 0);
    for (int i = tree.size() - 1; i >= 0; --i) {
        double us = 0;
        for (int child = tree.first_child[i]; child < tree.first_child[i + 1]; ++child)
            us = fold(us, ready[child], tree.cost[child], bytes, half);
        ready[i] = us;
    }
    return ready[0];
}

/// R(root) with the children of everyone in the best order.
class BestOrder {
  public:
    BestOrder(const Breadth& tree, const Costs& costs)
        : tree_(tree), half_(costs.reduce_us_per_byte / 2), ready_(tree.member.size(), 0) {}

    /// Puts the children of `ordered`, the same tree, into that order unless it is nullptr.
    double ready_us(double bytes, Tree* ordered) {
        for (int i = tree_.size() - 1; i >= 0; --i) {
            const int begin = tree_.first_child[i], end = tree_.first_child[i + 1];
            arrivals_.clear();
            for (int child = begin; child < end; ++child)
                arrivals_.emplace_back(ready_[child] + tree_.cost[child].latency_us, child);
            if (arrivals_.size() > 1) sort_arrivals();
            double us = 0;
            int next = ordered != nullptr ? ordered->first_child[tree_.member[i]] : 0;
            for (const auto& [at, child] : arrivals_) {
                us = fold(us, ready_[child], tree_.cost[child], bytes, half_);
                if (ordered != nullptr) ordered->children[next++] = tree_.member[child];
            }
            ready_[i] = us;
        }
        return ready_[0];
    }

  private:
    void sort_arrivals() {
        std::sort(arrivals_.begin(), arrivals_.end(), [&](const auto& a, const auto& b) {
            if (a.first != b.first) return a.first < b.first;
            return tree_.member[a.second] < tree_.member[b.second];
        });
    }

    const Breadth& tree_;
    double half_;
    std::vector<double> ready_;
    std::vector<std::pair<double, int>> arrivals_ = {};  ///< when, entry
};

/// Loads of all members and physical edges, by one tree or several.
class Loads {
  public:
    explicit Loads(const Costs& costs)
        : costs_(costs), members_(costs.group_of.size()), uplinks_(costs.groups.size(), 0) {
        for (const Group& group : costs.groups) {
            first_edge_.push_back(edges_.size());
            if (group.matrix < 0) continue;
            const PairMatrix& matrix = costs.matrices[group.matrix];
            edges_.resize(edges_.size() + matrix.edge_us_per_byte.size(), 0);
        }
    }

    /// A tree that `share` of the bytes go along.
    void add(const Breadth& tree, double share) {
        for (int i = 0; i < tree.size(); ++i) {
            for (int child = tree.first_child[i]; child < tree.first_child[i + 1]; ++child) {
                const LinkCost& cost = tree.cost[child];
                const Load load{cost.gap_us, share * cost.us_per_byte};
                members_[tree.member[child]].add(load);
                members_[tree.member[i]].add(load);
                members_[tree.member[i]].add({0, share * costs_.reduce_us_per_byte});
                add_edges(tree.member[i], tree.member[child], share);
            }
        }
    }

    LargestLoad largest() const {
        LargestLoad largest;
        for (const Load& load : members_) largest.add(load);
        for (const double uplink : uplinks_) largest.add({0, uplink});
        for (const double edge : edges_) largest.add({0, edge});
        return largest;
    }

  private:
    void add_edges(int a, int b, double share) {
        const int common = costs_.common_group(a, b);
        for (const int member : {a, b})
            for (int group = costs_.group_of[member]; group != common;
                 group = costs_.groups[group].parent)
                uplinks_[group] += share * costs_.groups[group].uplink_us_per_byte;
        const Group& group = costs_.groups[common];
        if (group.matrix < 0) return;
        const PairMatrix& matrix = costs_.matrices[group.matrix];
        for (const int edge : matrix.edges_of(a - group.begin, b - group.begin))
            edges_[first_edge_[common] + edge] += share * matrix.edge_us_per_byte[edge];
    }

    const Costs& costs_;
    std::vector<Load> members_;
    std::vector<double> uplinks_;
    std::vector<std::size_t> first_edge_ = {};  ///< by group: of its matrix, in edges_
    std::vector<double> edges_ = {};
};

/// The best number of segments. `once_us` gives 2 R of a number of bytes, which is the largest of
/// sums a + c b: so more bytes take no less, and a part of the bytes takes at least that part of
/// the time. Numbers of segments that cannot win any more are not tried.
template <typename OnceUs>
TreeTime best_segments(double bytes, const LargestLoad& period, OnceUs once_us) {
    std::vector<TreeTime> cuts;  // once_us and us: at least
    const auto least_us = [](const TreeTime& cut) {
        return std::max(cut.once_us, cut.period_us) + (cut.segments - 1) * cut.period_us;
    };
    const double empty_us = once_us(0.0);
    for (int segments = 1; segments <= segments_max; segments *= 2)
        cuts.push_back(
            {.segments = segments, .once_us = empty_us, .period_us = period.us(bytes / segments)});
    TreeTime best;
    best.us = std::numeric_limits<double>::infinity();
    while (true) {
        const auto next = std::min_element(
            cuts.begin(), cuts.end(),
            [&](const TreeTime& a, const TreeTime& b) { return least_us(a) < least_us(b); });
        if (next == cuts.end() || least_us(*next) >= best.us) return best;
        TreeTime now = *next;
        cuts.erase(next);
        now.once_us = once_us(bytes / now.segments);
        now.us = least_us(now);
        if (now.us < best.us) best = now;
        for (TreeTime& cut : cuts)
            cut.once_us = std::max(cut.once_us,
                                   now.once_us * std::min(1.0, 1.0 * now.segments / cut.segments));
    }
}

}  // namespace

void order_children(Tree& tree, const Costs& costs, double bytes) {
    const Breadth breadth(tree, costs);
    (void)BestOrder(breadth, costs).ready_us(bytes, &tree);
}

TreeTime order_for_least_time(Tree& tree, const Costs& costs, double bytes, double wanted_us) {
    const Breadth breadth(tree, costs);
    Loads loads(costs);
    loads.add(breadth, 1);
    BestOrder order(breadth, costs);
    const TreeTime time = best_segments(bytes, loads.largest(), [&](double segment_bytes) {
        return 2 * order.ready_us(segment_bytes, nullptr);
    });
    if (time.us < wanted_us) (void)order.ready_us(bytes / time.segments, &tree);
    return time;
}

TreeTime time_of(const Tree& tree, const Costs& costs, double bytes) {
    const Breadth breadth(tree, costs);
    Loads loads(costs);
    loads.add(breadth, 1);
    std::vector<double> scratch;
    return best_segments(bytes, loads.largest(), [&](double segment_bytes) {
        return 2 * ready_us(breadth, segment_bytes, costs.reduce_us_per_byte, scratch);
    });
}

TreeTime time_of(const Tree& first, const Tree& second, const Costs& costs, double bytes) {
    const Breadth breadths[] = {{first, costs}, {second, costs}};
    Loads loads(costs);
    for (const Breadth& breadth : breadths) loads.add(breadth, 0.5);
    std::vector<double> scratch;
    return best_segments(bytes, loads.largest(), [&](double segment_bytes) {
        double us = 0;
        for (const Breadth& breadth : breadths)
            us = std::max(
                us, 2 * ready_us(breadth, segment_bytes / 2, costs.reduce_us_per_byte, scratch));
        return us;
    });
}

}  // namespace ipcrun::topology
