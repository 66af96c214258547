// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From what the ranks of a host have in common to groups within groups.

#include <utility>
#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

/// One kind of thing that members may have in common.
struct NestingLevel {
    LinkCost cost = {};    ///< of two members that have this, and nothing nearer
    std::vector<int> key;  ///< by member: which one it has; 0: none
    /// By member: of what leaves the one that it has. Empty: never the limit.
    std::vector<double> uplink_us_per_byte = {};
};

struct Nesting {
    std::vector<Group> groups;  ///< as in Costs; group 0 is the whole
    std::vector<int> order;     ///< the member at each position
};

/// Groups `members` members by `levels`, the nearest first; those who have nothing in common at any
/// level cost `whole`. What is common reaches as far as it does at the level below: where things
/// are not nested (an L3 over two NUMA nodes) groups become larger, never crossed. Members stay in
/// their order as far as groups let them. Groups of equal extent become one, with the nearer cost
/// and the narrower uplink. Cost: O(members x levels).
Nesting nest(int members, const std::vector<NestingLevel>& levels, const LinkCost& whole);

/// Appends groups within groups so that they make up Costs: one of a single member is left out, and
/// one of its parent's extent is made one with that.
class GroupBuilder {
  public:
    /// Returns the index of the group: of `group` itself, or of the parent that stands for it.
    int add(const Group& group);
    /// Adds `nested` at position `begin` below `parent`, and the matrix `matrix` (-1: none) for the
    /// whole of it.
    void add(const std::vector<Group>& nested, int parent, int begin, int matrix,
             double uplink_us_per_byte);
    std::vector<Group> take() { return std::move(groups_); }

  private:
    std::vector<Group> groups_;
};

}  // namespace ipcrun::topology
