// SPDX-License-Identifier: Apache-2.0
#include "launcher/job_plan.hpp"

#include <utility>

namespace ipcrun {

namespace {

std::vector<topology::LinkOverride> overrides_of(const PlanWish& wish, int ranks) {
    if (wish.links_name.empty()) return {};
    return topology::parse_links(wish.links_text, wish.links_name, ranks);
}

}  // namespace

JobPlan::JobPlan(topology::Cluster cluster, const PlanWish& wish)
    : cluster_(std::move(cluster)),
      placement_(topology::place_ranks(cluster_, wish.ranks, wish.mapping)),
      links_(cluster_, placement_, wish.costs, overrides_of(wish, placement_.size())),
      tree_(topology::best_tree(links_.costs(), {.degree_max = wish.tree_degree})),
      rank_tree_(topology::renamed(tree_.tree, links_.rank_at())) {}

}  // namespace ipcrun
