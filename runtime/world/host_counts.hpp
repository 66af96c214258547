// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Operations whose counts differ from member to member: what each of them gives and gets is told
/// to all, or compared by pairs, and must fit together.

#include "runtime/world/host_alltoall.hpp"
#include "runtime/world/host_blocks.hpp"

namespace ipcrun {

/// How many elements each member's block has, in an operation on one block a member. All members
/// throw Error{mismatch} where the counts do not fit together, before any memory is touched.
BlockCounts find_block_counts(const HostOperation& operation, const Collective& collective);

/// The same for alltoall, of every pair of members.
void verify_alltoall_counts(const HostOperation& operation, const Collective& collective);

}  // namespace ipcrun
