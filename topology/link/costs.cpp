// SPDX-License-Identifier: Apache-2.0
#include "topology/link/costs.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

std::size_t at(int row, int column, int size) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(size) +
           static_cast<std::size_t>(column);
}

void check_matrix(const PairMatrix& matrix) {
    const std::size_t pairs = at(matrix.size, 0, matrix.size);
    check(matrix.size >= 1 && matrix.costs.size() == pairs, "a matrix that is not square");
    if (matrix.path_begin.empty()) return;
    check(matrix.path_begin.size() == pairs + 1 && matrix.path_begin.front() == 0 &&
              matrix.path_begin.back() == static_cast<int>(matrix.path_edges.size()) &&
              std::is_sorted(matrix.path_begin.begin(), matrix.path_begin.end()),
          "a matrix whose paths do not fit its pairs");
    const auto edges = static_cast<int>(matrix.edge_us_per_byte.size());
    for (const int edge : matrix.path_edges)
        check(0 <= edge && edge < edges, "a path along an edge that is not there");
}

void check_group(const Costs& costs, std::size_t index) {
    const Group& group = costs.groups[index];
    if (index == 0) {
        check(group.parent == -1 && group.begin == 0 && group.end == costs.size(),
              "group 0 is not the whole");
    } else {
        check(0 <= group.parent && static_cast<std::size_t>(group.parent) < index,
              "a group that stands before its parent");
        check(0 <= group.begin && group.size() >= 2 && group.end <= costs.size(),
              "a group of less than two members, or of members that are not there");
        check(costs.groups[static_cast<std::size_t>(group.parent)].matrix < 0,
              "a group within one that has a matrix");
    }
    if (group.matrix < 0) return;
    check(static_cast<std::size_t>(group.matrix) < costs.matrices.size() &&
              costs.matrices[static_cast<std::size_t>(group.matrix)].size == group.size(),
          "a group whose matrix is of another size");
}

/// Numbers the edges of a matrix of the whole: first the uplinks of groups that have one, then for
/// each group with a matrix the edges of that.
struct EdgeNumbers {
    std::vector<double> us_per_byte = {};
    std::vector<int> uplink;  ///< by group; -1: it is never the limit
    std::vector<int> first;   ///< by group: of the edges of its matrix

    explicit EdgeNumbers(const Costs& costs)
        : uplink(costs.groups.size(), -1), first(costs.groups.size(), -1) {
        for (std::size_t group = 1; group < costs.groups.size(); ++group) {
            if (costs.groups[group].uplink_us_per_byte <= 0) continue;
            uplink[group] = static_cast<int>(us_per_byte.size());
            us_per_byte.push_back(costs.groups[group].uplink_us_per_byte);
        }
        for (std::size_t group = 0; group < costs.groups.size(); ++group) {
            if (costs.groups[group].matrix < 0) continue;
            const auto& own = costs.matrices[static_cast<std::size_t>(costs.groups[group].matrix)];
            first[group] = static_cast<int>(us_per_byte.size());
            us_per_byte.insert(us_per_byte.end(), own.edge_us_per_byte.begin(),
                               own.edge_us_per_byte.end());
        }
    }
};

void add_uplinks(const Costs& costs, const EdgeNumbers& numbers, int member, int common,
                 std::vector<int>& edges) {
    for (int group = costs.group_of[static_cast<std::size_t>(member)]; group != common;
         group = costs.groups[static_cast<std::size_t>(group)].parent) {
        const int uplink = numbers.uplink[static_cast<std::size_t>(group)];
        if (uplink >= 0) edges.push_back(uplink);
    }
}

void add_path(const Costs& costs, const EdgeNumbers& numbers, int a, int b,
              std::vector<int>& edges) {
    const int common = costs.common_group(a, b);
    add_uplinks(costs, numbers, a, common, edges);
    const Group& group = costs.groups[static_cast<std::size_t>(common)];
    if (group.matrix >= 0) {
        const PairMatrix& own = costs.matrices[static_cast<std::size_t>(group.matrix)];
        for (const int edge : own.edges_of(a - group.begin, b - group.begin))
            edges.push_back(numbers.first[static_cast<std::size_t>(common)] + edge);
    }
    add_uplinks(costs, numbers, b, common, edges);
}

}  // namespace

std::span<const int> PairMatrix::edges_of(int i, int j) const {
    if (path_begin.empty() || i == j) return {};
    const auto begin =
        path_begin.begin() + static_cast<std::ptrdiff_t>(at(std::min(i, j), std::max(i, j), size));
    return {path_edges.begin() + begin[0], path_edges.begin() + begin[1]};
}

int Costs::common_group(int a, int b) const {
    int group = group_of[static_cast<std::size_t>(a)];
    while (b < groups[static_cast<std::size_t>(group)].begin ||
           b >= groups[static_cast<std::size_t>(group)].end)
        group = groups[static_cast<std::size_t>(group)].parent;
    return group;
}

LinkCost Costs::between(int a, int b) const {
    const Group& group = groups[static_cast<std::size_t>(common_group(a, b))];
    if (group.matrix < 0) return group.cost;
    const PairMatrix& matrix = matrices[static_cast<std::size_t>(group.matrix)];
    return matrix.costs[at(a - group.begin, b - group.begin, matrix.size)];
}

Costs flat_costs(int members, LinkCost cost, double reduce_us_per_byte) {
    return group_costs(members, {{.begin = 0, .end = members, .cost = cost}}, {},
                       reduce_us_per_byte);
}

Costs matrix_costs(int members, std::vector<LinkCost> costs, double reduce_us_per_byte) {
    check(costs.size() == at(members, 0, members), "a matrix that is not square");
    for (int row = 0; row < members; ++row) {
        for (int column = row + 1; column < members; ++column) {
            LinkCost& upper = costs[at(row, column, members)];
            LinkCost& lower = costs[at(column, row, members)];
            upper = lower = dearer(upper, lower);
        }
    }
    return group_costs(members, {{.begin = 0, .end = members, .matrix = 0}},
                       {{.size = members, .costs = std::move(costs)}}, reduce_us_per_byte);
}

Costs group_costs(int members, std::vector<Group> groups, std::vector<PairMatrix> matrices,
                  double reduce_us_per_byte) {
    check(members >= 1 && !groups.empty(), "costs of no members");
    Costs costs;
    costs.groups = std::move(groups);
    costs.matrices = std::move(matrices);
    costs.group_of.assign(static_cast<std::size_t>(members), -1);
    costs.reduce_us_per_byte = reduce_us_per_byte;
    for (const PairMatrix& matrix : costs.matrices) check_matrix(matrix);
    for (std::size_t index = 0; index < costs.groups.size(); ++index) {
        check_group(costs, index);
        const Group& group = costs.groups[index];
        const auto begin = costs.group_of.begin() + group.begin;
        const auto end = costs.group_of.begin() + group.end;
        // Whoever is still of the parent alone is in no sibling either.
        check(std::all_of(begin, end, [&](int now) { return now == group.parent; }),
              "groups that are not nested");
        std::fill(begin, end, static_cast<int>(index));
    }
    return costs;
}

PairMatrix as_matrix(const Costs& costs) {
    PairMatrix matrix;
    matrix.size = costs.size();
    matrix.costs.resize(at(matrix.size, 0, matrix.size));
    const EdgeNumbers numbers(costs);
    matrix.path_begin.assign(matrix.costs.size() + 1, 0);
    for (int a = 0; a < matrix.size; ++a) {
        for (int b = 0; b < matrix.size; ++b) {
            const std::size_t pair = at(a, b, matrix.size);
            if (a != b) matrix.costs[pair] = costs.between(a, b);
            if (a < b) add_path(costs, numbers, a, b, matrix.path_edges);
            matrix.path_begin[pair + 1] = static_cast<int>(matrix.path_edges.size());
        }
    }
    matrix.edge_us_per_byte = numbers.us_per_byte;
    if (matrix.path_edges.empty()) {
        matrix.path_begin.clear();
        matrix.edge_us_per_byte.clear();
    }
    return matrix;
}

}  // namespace ipcrun::topology
