// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the kernel tells of the devices of this host beyond what hwloc asks it: the best that links
/// can do, and which NICs are up.

#include <string>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Raises links to what both ends can do (max_link_speed, and the width that was agreed on, which
/// does not idle), drops NICs that are down, and fills the speeds of those that are up. `root`
/// stands before /sys: tests put a made-up tree there. What is missing there is left as it is.
void refine_devices(Machine& machine, const std::string& root = "");

/// How many adapters for RDMA there are: with several it matters which a rank uses, with none
/// messages to other hosts go over TCP. Reads two folders.
int count_adapters(const std::string& root = "");

}  // namespace ipcrun::topology
