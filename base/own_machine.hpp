// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What this process may use of the machine, in two numbers. More is known to topology.

#include <cstdint>

namespace ipcrun {

/// CPUs that the calling thread may run on.
int count_allowed_cpus();
/// All of the machine's memory, in bytes.
std::uint64_t machine_memory_bytes();

}  // namespace ipcrun
