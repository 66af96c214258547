// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The time of a tree whose children may be put into another order.

#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

/// T with the children in the best order for one segment, for each number of segments; puts them
/// into that of the best number if T is less than `wanted_us`. Walks the tree once.
TreeTime order_for_least_time(Tree& tree, const Costs& costs, double bytes, double wanted_us);

}  // namespace ipcrun::topology
