// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What trees and schedules of a communicator's members are made from: what all members read in the
/// same words of the control segment. So all find the same, without a message.

#include <vector>

#include "runtime/group.hpp"
#include "topology/link/links.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

/// Of messages between the members, by their places; nothing is known of ranks that are not bound.
topology::SpotCosts costs_of_members(const Group& group);

/// The launcher's tree where the communicator has all ranks and there is one, else the best for
/// small values.
topology::Tree tree_of_members(const Group& group);

/// The launcher's tree: who is whose child was planned; which of them comes first follows from the
/// costs. `parents`: by member, and a tree.
topology::Tree planned_tree(std::vector<int> parents, const topology::SpotCosts& of_members);

/// The tree in which values meet as reduce() has them meet, wherever the members are: members
/// k 2^l to (k + 1) 2^l - 1 are below k 2^l.
topology::Tree tree_by_numbers(int size);

}  // namespace ipcrun
