// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How many ranks each host gets, and which: all that is decided above the single host.

#include <cstdint>
#include <optional>
#include <vector>

#include "topology/cluster.hpp"
#include "topology/place/mapping.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

/// Ranks that each host is meant for under this mapping: its slots; without a number of slots, its
/// GPUs for --map-by gpu; for ppr, what that gives. Throws Error{usage} where a host lacks the
/// object, or ppr gives more on one than any job has.
std::vector<int> capacities(const Cluster& cluster, const Mapping& mapping);

/// Ranks of each host. Throws Error{usage} when ppr gives fewer than are asked for, and where
/// nothing is asked for and there is room for more than any job has.
std::vector<int> count_by_host(const std::vector<int>& capacities, std::optional<int> ranks,
                               const MapBy& map_by);

/// Fills seats, first_of_host and ranks: host after host, or, `in_turn`, one on each host and then
/// the second on each. Local ranks ascend with ranks.
void number_ranks(const std::vector<int>& counts, bool in_turn, Placement& placement);

}  // namespace ipcrun::topology
