// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Costs and trees drawn by chance for the tests of topology/tree, and all trees of a few members.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "topology/link/costs.hpp"
#include "topology/tree/tree.hpp"
#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

using Chance = std::mt19937;

inline double between(Chance& chance, double low, double high) {
    return low + (high - low) * static_cast<double>(chance()) / 4294967296.0;
}
inline int below(Chance& chance, int end) {
    return static_cast<int>(chance() % static_cast<unsigned>(end));
}

/// Latencies up to 3 us, gaps up to 1 us, 1 to 50 GB/s.
inline LinkCost random_cost(Chance& chance) {
    return {between(chance, 0.05, 3), between(chance, 0.02, 1), 1e-3 / between(chance, 1, 50)};
}

inline Costs random_matrix(Chance& chance, int members, double reduce_us_per_byte = 5e-5) {
    std::vector<LinkCost> costs;
    for (int pair = 0; pair < members * members; ++pair) costs.push_back(random_cost(chance));
    return matrix_costs(members, costs, reduce_us_per_byte);
}

/// A matrix whose pairs share edges: some for all pairs of a member, some for any pairs.
inline PairMatrix random_pairs(Chance& chance, int members) {
    Costs costs = random_matrix(chance, members);
    PairMatrix pairs = costs.matrices[0];
    for (int edge = 0; edge < members + 2; ++edge)
        pairs.edge_us_per_byte.push_back(1e-3 / between(chance, 1, 50));
    pairs.path_begin.assign(pairs.costs.size() + 1, 0);
    for (int a = 0; a < members; ++a) {
        for (int b = 0; b < members; ++b) {
            if (a < b) {
                pairs.path_edges.push_back(a);
                for (int edge = members; edge < members + 2; ++edge)
                    if (below(chance, 3) == 0) pairs.path_edges.push_back(edge);
                pairs.path_edges.push_back(b);
            }
            pairs.path_begin[static_cast<std::size_t>(a * members + b) + 1] =
                static_cast<int>(pairs.path_edges.size());
        }
    }
    return pairs;
}

/// Groups of any sizes within groups, down to `depth`; inner ones are mostly cheaper. Some small
/// ones have a matrix.
inline void split_group(Chance& chance, std::vector<Group>& groups,
                        std::vector<PairMatrix>& matrices, int index, int depth) {
    const Group group = groups[static_cast<std::size_t>(index)];
    for (int begin = group.begin; begin < group.end;) {
        const int size = std::min(1 + below(chance, std::max(group.size(), 2)), group.end - begin);
        if (size >= 2 && below(chance, 4) > 0) {
            const double cheaper = between(chance, 0.1, 1.1);
            Group inner{.parent = index, .begin = begin, .end = begin + size, .cost = group.cost};
            inner.cost.latency_us *= cheaper;
            inner.cost.gap_us *= cheaper;
            inner.cost.us_per_byte *= cheaper;
            if (below(chance, 2) == 0) inner.uplink_us_per_byte = 1e-3 / between(chance, 1, 50);
            if (size <= 6 && below(chance, 4) == 0) {
                inner.matrix = static_cast<int>(matrices.size());
                matrices.push_back(random_pairs(chance, size));
            }
            groups.push_back(inner);
            if (depth > 1 && inner.matrix < 0)
                split_group(chance, groups, matrices, static_cast<int>(groups.size()) - 1,
                            depth - 1);
        }
        begin += size;
    }
}

inline Costs random_groups(Chance& chance, int members, int depth) {
    std::vector<Group> groups{{.begin = 0, .end = members, .cost = random_cost(chance)}};
    std::vector<PairMatrix> matrices;
    if (members > 1) split_group(chance, groups, matrices, 0, depth);
    return group_costs(members, std::move(groups), std::move(matrices), 5e-5);
}

/// One of the three above.
inline Costs random_costs(Chance& chance, int members) {
    switch (members > 1 ? below(chance, 3) : 0) {
        case 0:
            return random_groups(chance, members, 1 + below(chance, 5));
        case 1:
            return random_matrix(chance, members);
        default:
            return group_costs(members, {{.begin = 0, .end = members, .matrix = 0}},
                               {random_pairs(chance, members)}, 1e-4);
    }
}

/// `degree_max` 0: any number of children.
inline Tree random_tree(Chance& chance, int members, int degree_max) {
    std::vector<int> names(static_cast<std::size_t>(members));
    for (int member = 0; member < members; ++member)
        names[static_cast<std::size_t>(member)] = member;
    std::shuffle(names.begin(), names.end(), chance);
    std::vector<int> parent(names.size(), -1), children(names.size(), 0);
    for (int next = 1; next < members; ++next) {
        int above = below(chance, next);
        while (degree_max > 0 && children[static_cast<std::size_t>(above)] == degree_max)
            above = (above + 1) % next;
        ++children[static_cast<std::size_t>(above)];
        parent[static_cast<std::size_t>(next)] = above;
    }
    return renamed(tree_of(parent), names);
}

/// Calls `look` with the parents of every rooted tree over a few members, by sequences of Pruefer.
template <typename Look>
void for_all_trees(int members, int degree_max, Look look) {
    const auto size = static_cast<std::size_t>(members);
    std::vector<int> code(members > 2 ? size - 2 : 0, 0);
    while (true) {
        std::vector<int> links(size, 1);
        for (const int member : code) ++links[static_cast<std::size_t>(member)];
        // Towards the last member; roots move along the ways from there.
        std::vector<int> parent(size, -1), left = links;
        for (const int member : code) {
            const auto leaf = std::find(left.begin(), left.end(), 1) - left.begin();
            parent[static_cast<std::size_t>(leaf)] = member;
            left[static_cast<std::size_t>(leaf)] = 0;
            --left[static_cast<std::size_t>(member)];
        }
        if (members > 1) {
            const auto leaf = std::find(left.begin(), left.end(), 1) - left.begin();
            const auto last = std::find(left.begin() + leaf + 1, left.end(), 1) - left.begin();
            parent[static_cast<std::size_t>(leaf)] = static_cast<int>(last);
        }
        for (int root = 0; root < members; ++root) {
            std::vector<int> hung = parent;
            int before = -1;
            for (int at = root; at >= 0;) {
                const int up = parent[static_cast<std::size_t>(at)];
                hung[static_cast<std::size_t>(at)] = before;
                before = at;
                at = up;
            }
            bool fits = true;
            for (int member = 0; member < members && degree_max > 0; ++member)
                fits = fits && links[static_cast<std::size_t>(member)] - (member == root ? 0 : 1) <=
                                   degree_max;
            if (fits) look(hung);
        }
        std::size_t digit = 0;
        while (digit < code.size() && ++code[digit] == members) code[digit++] = 0;
        if (digit == code.size()) return;
    }
}

/// T with the children in the best order for the segments that it takes.
inline TreeTime best_order_time(Tree tree, const Costs& costs, double bytes) {
    order_children(tree, costs, bytes);
    const TreeTime whole = time_of(tree, costs, bytes);
    order_children(tree, costs, bytes / whole.segments);
    const TreeTime cut = time_of(tree, costs, bytes);
    return cut.us < whole.us ? cut : whole;
}

inline double least_time(const Costs& costs, double bytes, int degree_max) {
    double least = std::numeric_limits<double>::infinity();
    for_all_trees(costs.size(), degree_max, [&](const std::vector<int>& parent) {
        least = std::min(least, best_order_time(tree_of(parent), costs, bytes).us);
    });
    return least;
}

}  // namespace ipcrun::topology
