// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Parts cut in segments, each of elements of one dtype that lie, or are made to lie, side by side.

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/part.hpp"

namespace ipcrun {

/// Elements of a part, from `first` on.
struct PartPiece {
    const Part* part = nullptr;
    std::size_t first = 0, count = 0;
};

struct HostSegment {
    Dtype dtype = Dtype::f32;
    std::size_t count = 0;  ///< of all pieces together
    std::vector<PartPiece> pieces;

    std::size_t bytes() const { return count * size_of(dtype); }
    /// Where its elements lie side by side as they are; null: nowhere.
    std::byte* in_place() const;
    void pack(std::byte* to) const;
    void unpack(const std::byte* from) const;
};

/// Of `bytes_max` bytes at most. Long parts have segments of their own; short ones of one dtype
/// share them. The cuts follow from counts and dtypes alone: strides may differ from member to
/// member. The parts outlive the result.
std::vector<HostSegment> cut_in_segments(std::span<const Part> parts, std::size_t bytes_max);

}  // namespace ipcrun
