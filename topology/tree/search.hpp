// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Better trees from good ones, by small changes.

#include <vector>

#include "topology/tree/pair_times.hpp"

namespace ipcrun::topology {

/// Makes the tree with these parents faster while one change does: two members change places,
/// another member becomes the root, or an edge is taken out and its lower part hung on again
/// anywhere, by any of its members. When nothing helps it shakes the best tree and goes on.
/// Deterministic. Ends after `steps` trees times members. Returns T.
double improve(std::vector<int>& parent, PairTimes& times, int degree_max, double steps);

}  // namespace ipcrun::topology
