// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the kernel's driver of AMD's GPUs tells of them, without any library: memory, serial
/// numbers, and the XGMI links, of which hwloc as Debian builds it knows nothing.

#include <string>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Completes AMD's GPUs of `machine` from /sys/class/kfd, by PCI id; adds links unless some are
/// known. `root` stands before /sys: tests put a made-up tree there. What is missing there is left
/// as it is.
void add_kfd(Machine& machine, const std::string& root = "");

}  // namespace ipcrun::topology
