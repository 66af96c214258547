// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The sizes of small blocks: multiples of 64 bytes up to 256, then four steps to each doubling, so
/// that at most a fifth of a block is waste.

#include <bit>
#include <cstddef>

namespace ipcrun {

/// The class of the smallest size that holds `bytes` (at least 1).
constexpr int size_class_of(std::size_t bytes) {
    const std::size_t quanta = (bytes + 63) / 64;  // 1, 2, 3, …
    if (quanta <= 4) return static_cast<int>(quanta) - 1;
    const int doubling = std::bit_width(quanta - 1) - 3;  // 5..8 -> 0, 9..16 -> 1, …
    const std::size_t step = std::size_t{1} << doubling;  // quanta between classes
    const std::size_t within = (quanta - (std::size_t{4} << doubling) + step - 1) / step;  // 1..4
    return 4 + doubling * 4 + static_cast<int>(within) - 1;
}

/// The bytes of a block of this class.
constexpr std::size_t size_class_bytes(int size_class) {
    if (size_class < 4) return (static_cast<std::size_t>(size_class) + 1) * 64;
    const int doubling = (size_class - 4) / 4;
    const std::size_t within = static_cast<std::size_t>((size_class - 4) % 4) + 1;
    return ((std::size_t{4} << doubling) + (within << doubling)) * 64;
}

static_assert(size_class_of(1) == 0 && size_class_bytes(0) == 64);
static_assert(size_class_bytes(size_class_of(256)) == 256);
static_assert(size_class_bytes(size_class_of(257)) == 320);
static_assert(size_class_bytes(size_class_of(513)) == 640);
static_assert(size_class_bytes(size_class_of(16384)) == 16384);

}  // namespace ipcrun
