// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A tree as ranks read it: who is whose parent.

#include <span>

namespace ipcrun {

/// One root, -1 there, and everybody's way leads to it? Cost: O(members).
bool is_tree(std::span<const int> parents);

}  // namespace ipcrun
