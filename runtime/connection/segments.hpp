// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A list of parts as a row of segments, for operations that go through connections piece by piece.

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/part.hpp"
#include "runtime/storage.hpp"

namespace ipcrun {

/// Small parts share a segment, long ones are cut: always between elements, and alike for all lists
/// of equal counts and dtypes. Parts whose elements do not lie side by side are copied: unpack()
/// copies them back. Borrows the parts.
class Segments {
  public:
    /// Throws std::bad_alloc. The strides have been checked.
    Segments(std::span<const Part> parts, std::size_t segment_bytes);

    /// At least one, which may be empty.
    std::size_t count() const { return starts_.size() - 1; }
    /// The runs of elements that segment `index` consists of.
    std::span<const Part> operator[](std::size_t index) const {
        return std::span(runs_).subspan(starts_[index], starts_[index + 1] - starts_[index]);
    }
    void unpack() const;

  private:
    struct Packed {
        Part part;
        StoragePtr copy;
    };
    void add(const Part& run);

    std::size_t segment_bytes_;
    std::size_t room_;  // bytes left in the last segment
    std::vector<Part> runs_;
    std::vector<std::size_t> starts_;  // of segments in `runs_`; and the end
    std::vector<Packed> packed_;
};

/// The bytes of all parts together.
std::size_t bytes_of(std::span<const Part> parts);

}  // namespace ipcrun
