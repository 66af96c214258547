// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What messages between n members cost, as a value that trees and schedules are computed from:
/// groups within groups, of which members are neighbours. Members count in positions 0 to n - 1
/// along the machine; whoever makes the costs knows which rank is at which position.

#include <span>
#include <vector>

#include "topology/link/link.hpp"

namespace ipcrun::topology {

/// Costs of all pairs of a few members, and the physical edges that pairs share.
struct PairMatrix {
    int size = 0;
    std::vector<LinkCost> costs;  ///< row-major, size x size, symmetric; the diagonal is unused
    /// Edges that several pairs may load: what each byte takes on it, each direction.
    std::vector<double> edge_us_per_byte = {};
    /// For pair (i, j), i < j, at i * size + j: its edges are path_edges[path_begin[p] ..
    /// path_begin[p + 1]). Empty: no pair shares anything.
    std::vector<int> path_begin = {}, path_edges = {};

    std::span<const int> edges_of(int i, int j) const;
    bool operator==(const PairMatrix&) const = default;
};

/// Members [begin, end) that are nearer to each other than to those outside.
struct Group {
    int parent = -1;  ///< index into Costs::groups, lower than its own; -1: of group 0, the whole
    int begin = 0, end = 0;
    LinkCost cost = {};  ///< of two members that have no smaller group in common
    /// What each byte that enters or leaves takes on the edge that joins it to its parent (a NIC,
    /// an interconnect port), each direction; 0: never the limit.
    double uplink_us_per_byte = 0;
    int matrix = -1;  ///< index into Costs::matrices: costs its pairs, in place of `cost`; then it
                      ///< has no groups within; -1: none

    int size() const { return end - begin; }
    bool operator==(const Group&) const = default;
};

struct Costs {
    /// Nested and disjoint, parents before children, each with two members at least (but for group
    /// 0 of a world of one). Groups of one layout share their matrix.
    std::vector<Group> groups;
    std::vector<PairMatrix> matrices = {};
    std::vector<int> group_of;  ///< by member: the smallest group that it is in
    double reduce_us_per_byte = 0;

    int size() const { return static_cast<int>(group_of.size()); }
    /// The smallest group that has both. Cost: O(depth).
    int common_group(int a, int b) const;
    /// Of a message between two different members. Cost: O(depth).
    LinkCost between(int a, int b) const;

    bool operator==(const Costs&) const = default;
};

/// All members alike.
Costs flat_costs(int members, LinkCost cost, double reduce_us_per_byte = 0);

/// One group with a matrix; `costs` is row-major, members x members. Of two directions that differ
/// the dearer one counts.
Costs matrix_costs(int members, std::vector<LinkCost> costs, double reduce_us_per_byte = 0);

/// `groups` need no group_of: computed here, and checked (nested, ordered, in range).
Costs group_costs(int members, std::vector<Group> groups, std::vector<PairMatrix> matrices,
                  double reduce_us_per_byte);

/// The same costs as one matrix, for those who look at all pairs; edges of groups become edges of
/// the matrix. Cost: O(n^2 x depth), so for few members only.
PairMatrix as_matrix(const Costs& costs);

}  // namespace ipcrun::topology
