// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Parts whose elements do not lie side by side: checked, and copied out and in.

#include <cstddef>

#include "runtime/part.hpp"

namespace ipcrun {

constexpr std::size_t part_dims_max = 16;

inline bool is_strided(const Part& part) {
    return !part.sizes.empty();
}

/// Throws Error{usage} when sizes, strides and count do not fit together, or, for a part that
/// `is_written`, when two of its elements may overlap. Cost: O(dimensions^2).
void check_strides(const Part& part, bool is_written);

/// Copies the elements of any part, side by side, to memory that does not overlap with it.
void pack(const Part& part, std::byte* to);
/// The reverse.
void unpack(const std::byte* from, const Part& part);

}  // namespace ipcrun
