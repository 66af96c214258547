// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Several parts taken as one message: their bytes side by side.

#include <cstddef>
#include <span>

#include "runtime/part.hpp"

namespace ipcrun {

/// What all parts of a message are together.
struct PartsShape {
    std::size_t bytes = 0;
    Dtype dtype = Dtype::u8;     ///< of all parts; u8 when they differ
    const Part* only = nullptr;  ///< the one part, when its elements lie side by side

    /// Throws Error{usage} for strides that make no sense; see check_strides.
    PartsShape(std::span<const Part> parts, bool are_written);
};

/// Copies the parts' elements, side by side, to `to`; and the reverse.
void gather(std::span<const Part> parts, std::byte* to);
void scatter(const std::byte* from, std::span<const Part> parts);

}  // namespace ipcrun
