// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The tree with the least time of one message that is not cut into segments, of all trees: found
/// by dynamic programming over multisets of members.

#include <map>
#include <optional>

#include "topology/link/costs.hpp"
#include "topology/tree/member_classes.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun::topology {

struct ExactTree {
    Tree tree;
    double ready_us = 0;  ///< R(root); no tree with that degree has less
};

/// Finds such trees for a few sizes of message.
class ExactTrees {
  public:
    /// `degree_max`: children of a member; 0: any number. Borrows `costs`.
    ExactTrees(const Costs& costs, int degree_max);

    /// Is it a matter of a tenth of a second? Members that all differ may be 12, identical ones a
    /// million.
    bool affordable() const { return classes_.has_value(); }
    /// Remembered, so that asking again costs nothing. Borrowed from this object.
    const ExactTree& best(double bytes);
    /// All that have been asked for, by bytes.
    const std::map<double, ExactTree>& found() const { return found_; }

  private:
    ExactTree find(double bytes) const;

    const Costs& costs_;
    int degree_max_;
    std::optional<MemberClasses> classes_;    ///< nullopt: not affordable
    std::map<double, ExactTree> found_ = {};  ///< by bytes
};

/// Members that are all alike; any number. `degree_max` as above. Time and memory: O(members x
/// degree_max).
ExactTree exact_even_tree(int members, double latency_us, double busy_us, int degree_max);

/// Members of a few classes; `costs` as between them, `reduce_us_per_byte` of combining.
ExactTree exact_class_tree(const MemberClasses& classes, double reduce_us_per_byte, double bytes,
                           int degree_max);

}  // namespace ipcrun::topology
