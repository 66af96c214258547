// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From a cluster, a placement and its links to what is shown of them.

#include <array>
#include <optional>
#include <span>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// The sizes of allreduce that every plan shows times of.
constexpr std::array<double, 5> usual_sizes = {8, 4096, 65536, 1048576, 16777216};

/// `planned` as best_tree(links.costs(), wish) gives it: over positions. Borrows cluster and
/// placement; source, settings, argv, notes and times are left to the caller. Cost: O(ranks), and
/// O(k^2) for each matrix of k members.
Overview make_overview(const topology::Cluster& cluster, const topology::Placement& placement,
                       const topology::Links& links, const topology::PlannedTree& planned,
                       const topology::TreeWish& wish = {});

/// How many pairs of ranks have which class of link, counted by groups and not by pairs.
std::vector<ClassOfLinks> count_classes(const topology::Links& links);

/// predict_allreduce for each of `sizes`, ascending.
std::vector<TimesOfSize> predict_sizes(const topology::Costs& costs,
                                       const std::optional<topology::SharedMemoryCosts>& shared,
                                       std::span<const double> sizes, int degree_max);

}  // namespace ipcrun::show
