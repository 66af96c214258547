// SPDX-License-Identifier: Apache-2.0
#pragma once
/// On which CPUs a thread may run, on machines of any size: cpu_set_t ends at 1,024 of them.

#include <vector>

namespace ipcrun {

/// Of the calling thread, inside its cpuset by definition: the kernel's numbers, ascending. Throws
/// Error{system}.
std::vector<int> read_affinity();

/// For the calling thread; of these CPUs the kernel takes those that its cpuset allows. False: it
/// refuses, since none is left, say.
bool try_affinity(const std::vector<int>& cpus);

}  // namespace ipcrun
