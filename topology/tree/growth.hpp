// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How fast a value can spread at best: a lower bound of the time of one message along any tree.

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

/// No tree with at most `degree_max` children a member (0: any number) has a smaller R(root). After
/// Karp, Sahay, Santos and Schauser ("Optimal broadcast and summation in the LogP model", SPAA
/// 1993), level by level of the hierarchy; the proof is in docs/topology.md. Cost: some
/// milliseconds, and O(groups + entries of matrices).
double growth_bound_us(const Costs& costs, double bytes, int degree_max);

}  // namespace ipcrun::topology
