// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Says which neighbourhood one is, wherever it is: a random number.

#include <array>
#include <cstdint>

namespace ipcrun {

using NeighbourhoodId = std::array<std::uint64_t, 2>;

}  // namespace ipcrun
