// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a group consists of: the groups directly within it, and members that are in none of those.

#include <span>
#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

class GroupUnits {
  public:
    explicit GroupUnits(const Costs& costs);

    /// Largest first, and along the machine.
    std::span<const int> groups_in(int group) const {
        return {groups_.data() + first_group_[group], groups_.data() + first_group_[group + 1]};
    }
    /// Along the machine.
    std::span<const int> members_in(int group) const {
        return {members_.data() + first_member_[group], members_.data() + first_member_[group + 1]};
    }

  private:
    std::vector<int> first_group_, groups_, first_member_, members_;
};

}  // namespace ipcrun::topology
