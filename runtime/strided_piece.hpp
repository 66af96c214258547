// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Strided parts a piece at a time, so that they pass through a small buffer.

#include <array>
#include <cstdint>

#include "runtime/part.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

/// Elements of a part that follow each other in its order, as a part of their own.
class StridedPiece {
  public:
    /// From element `first` on, `count_max` (1 or more) at most, of a part that check_strides()
    /// has found in order.
    StridedPiece(const Part& whole, std::size_t first, std::size_t count_max);
    StridedPiece(const StridedPiece&) = delete;

    const Part& part() const { return part_; }

  private:
    std::array<std::int64_t, part_dims_max> sizes_;
    Part part_;
};

}  // namespace ipcrun
