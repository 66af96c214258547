// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/group_shape.hpp"

#include <algorithm>
#include <bit>

namespace ipcrun {

namespace {

constexpr std::uint64_t arena_bytes_min = 1ull << 30;
constexpr std::uint64_t all_arenas_bytes = 1ull << 43;

}  // namespace

std::uint64_t group_arena_bytes(std::uint64_t memory_bytes, int members) {
    const std::uint64_t wanted =
        std::bit_ceil(std::clamp(2 * memory_bytes, arena_bytes_min, all_arenas_bytes));
    const std::uint64_t room =
        std::bit_floor(all_arenas_bytes / static_cast<std::uint64_t>(members));
    return std::max(std::min(wanted, room), arena_bytes_min);
}

}  // namespace ipcrun
