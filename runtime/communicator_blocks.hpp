// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where in the control segment the blocks of communicators lie: taken and given back by any rank,
/// without locks, so that a rank that dies while it does so holds nobody up. (It may lose a block:
/// address space, and the few pages that were used of it.)

#include <cstdint>

#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

struct BlockGrant {
    std::uint64_t offset;  ///< 0: there is no room
    std::uint32_t id;      ///< of the communicator, on this node; from 1
};

/// A block, all zero, for a communicator of `members`.
BlockGrant take_block(const ControlSegment& control, int members);

/// Called by the last member to let go of it.
void give_block_back(const ControlSegment& control, std::uint64_t offset, int members);

}  // namespace ipcrun
