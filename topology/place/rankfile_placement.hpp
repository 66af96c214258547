// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Placement by a rankfile: every rank where its line says.

#include <optional>

#include "topology/cluster.hpp"
#include "topology/place/mapping.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

/// As place_ranks(), of a mapping whose rankfile is not empty.
Placement place_by_rankfile(const Cluster& cluster, std::optional<int> ranks,
                            const Mapping& mapping);

}  // namespace ipcrun::topology
