// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How large the memory of a shared group is.

#include <cstdint>

namespace ipcrun {

/// Bytes of the arena of each of `members`, on a machine with so much memory: twice that memory, so
/// that an arena never is what ends a program first; less where many arenas would take more of the
/// 47 bits of addresses than a process can spare that is in several groups.
std::uint64_t group_arena_bytes(std::uint64_t memory_bytes, int members);

}  // namespace ipcrun
