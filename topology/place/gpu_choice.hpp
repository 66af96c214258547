// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which GPU each rank of a host gets, before it is known which cores.

#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// By rank, along the machine: an index into Machine::gpus, of which there are some. As
/// shares_near_gpus() says.
std::vector<int> choose_gpus(const Machine& machine, int ranks);

}  // namespace ipcrun::topology
