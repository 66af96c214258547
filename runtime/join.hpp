// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Asking an agent for a place in the memory that it made.

#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace ipcrun {

/// Says Join over the control socket `fd`, and returns the `count` descriptors of the answer. Waits
/// 30 s at most. Throws Error, whose text begins with `attempt`: timeout, peer_lost (the agent has
/// ended), usage (it refuses), protocol.
std::vector<UniqueFd> ask_to_join(int fd, std::size_t count, std::string_view attempt);

}  // namespace ipcrun
