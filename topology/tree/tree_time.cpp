// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/tree_time.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/fail.hpp"
#include "topology/tree/load.hpp"

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

/// The best number of segments. `once_us` gives 2 R of a number of bytes. More segments stop to
/// pay for good once (k - 1) P and the latencies alone take longer: (k - 1) P grows with k.
template <typename OnceUs>
TreeTime best_segments(double bytes, const LargestLoad& period, OnceUs once_us) {
    TreeTime best;
    best.us = std::numeric_limits<double>::infinity();
    double empty_us = -1;
    for (int segments = 1; segments <= segments_max; segments *= 2) {
        const double period_us = period.us(bytes / segments);
        const double behind_us = (segments - 1) * period_us;
        if (behind_us >= best.us) break;
        if (segments > 1 && empty_us < 0) empty_us = once_us(0.0);
        if (behind_us + empty_us >= best.us) break;
        const double once = once_us(bytes / segments);
        const double us = std::max(once, period_us) + behind_us;
        if (us < best.us) best = {us, segments, once, period_us};
    }
    return best;
}

}  // namespace

void order_children(Tree& tree, const Costs& costs, double bytes) {
    const Breadth breadth(tree, costs);
    const double half = costs.reduce_us_per_byte / 2;
    std::vector<double> ready(tree.parent.size(), 0);
    std::vector<std::pair<double, int>> arrivals;  // when, entry
    for (int i = breadth.size() - 1; i >= 0; --i) {
        arrivals.clear();
        for (int child = breadth.first_child[i]; child < breadth.first_child[i + 1]; ++child)
            arrivals.emplace_back(ready[child] + breadth.cost[child].latency_us, child);
        std::sort(arrivals.begin(), arrivals.end(), [&](const auto& a, const auto& b) {
            if (a.first != b.first) return a.first < b.first;
            return breadth.member[a.second] < breadth.member[b.second];
        });
        double us = 0;
        int next = tree.first_child[breadth.member[i]];
        for (const auto& [at, child] : arrivals) {
            us = fold(us, ready[child], breadth.cost[child], bytes, half);
            tree.children[next++] = breadth.member[child];
        }
        ready[i] = us;
    }
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
