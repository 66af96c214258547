// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/pair_shape.hpp"

#include <algorithm>
#include <bit>

namespace ipcrun {

namespace {

constexpr std::uint64_t arena_bytes_min = 1ull << 30;
constexpr std::uint64_t arena_bytes_max = 1ull << 38;
// For the arenas of 64 pairs together, of the 47 bits that a process may address; each time their
// number doubles beyond 64 they may get half as much again.
constexpr std::uint64_t all_arenas_bytes = 1ull << 45;

}  // namespace

std::uint64_t pair_arena_bytes(std::uint64_t memory_bytes, int pairs) {
    const std::uint64_t wanted =
        std::bit_ceil(std::clamp<std::uint64_t>(memory_bytes, arena_bytes_min, arena_bytes_max));
    const std::uint64_t room =
        all_arenas_bytes / 2 / std::bit_ceil(static_cast<std::uint64_t>(std::max(pairs, 1)));
    return std::max(std::min(wanted, room), arena_bytes_min);
}

int pair_usable_cpus(int allowed_cpus, int processes) {
    return processes > allowed_cpus ? 1 : allowed_cpus;
}

}  // namespace ipcrun
