// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who goes where, how they are linked, and the tree over them: what --dry-run shows, and what a
/// launch is made of. Pure: files have been read by whoever makes it.

#include <optional>
#include <string>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/link/links.hpp"
#include "topology/place/placement.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun {

/// What a plan follows from, beside the machines.
struct PlanWish {
    std::optional<int> ranks = {};
    topology::Mapping mapping = {};
    topology::CostTable costs = topology::default_costs();
    std::string costs_measured = {};  ///< when they were; empty: they are assumed
    std::string warning = {};         ///< why they are although something was kept; empty: nothing
    std::string links_text = {};      ///< of a --links file; empty: none
    std::string links_name = {};      ///< that file's name, for messages
    int tree_degree = 2;              ///< 0: as many children as pay
};

class JobPlan {
  public:
    /// Throws Error{usage} when the wish does not fit the machines.
    JobPlan(topology::Cluster cluster, const PlanWish& wish);
    JobPlan(const JobPlan&) = delete;

    const topology::Cluster& cluster() const { return cluster_; }
    const topology::Placement& placement() const { return placement_; }
    const topology::Links& links() const { return links_; }
    /// For the smallest messages, over the positions of links().costs(): what the Lua functions
    /// `ipc.tree` and collectives go along.
    const topology::PlannedTree& tree() const { return tree_; }
    /// The same tree over ranks.
    const topology::Tree& rank_tree() const { return rank_tree_; }
    int ranks() const { return placement_.size(); }

  private:
    topology::Cluster cluster_;
    topology::Placement placement_;
    topology::Links links_;
    topology::PlannedTree tree_;
    topology::Tree rank_tree_;
};

}  // namespace ipcrun
