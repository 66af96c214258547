// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How large the memory of two processes is that share one of their own: a parent and a child, or
/// the two ends of a connection. Pure.

#include <cstdint>

namespace ipcrun {

/// Bytes of each of the two arenas: the machine's memory, rounded up to a power of two, so that an
/// arena never is what ends a program first; and no more than lets `pairs` that one process has at
/// the same time fit into its address space.
std::uint64_t pair_arena_bytes(std::uint64_t memory_bytes, int pairs);

/// How many CPUs to tell to the two: all that are allowed, but one when `processes` share fewer, so
/// that none spins while another could work.
int pair_usable_cpus(int allowed_cpus, int processes);

}  // namespace ipcrun
