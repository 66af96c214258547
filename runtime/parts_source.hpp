// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Parts as bytes that leave: where the next ones lie.

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>

#include "runtime/part.hpp"

namespace ipcrun {

/// Strided parts go through a buffer of this size; see also parts_target.hpp.
constexpr std::size_t piece_bytes_max = 64 * 1024;

class PartsSource {
  public:
    /// Borrows the parts, which check_strides() has found in order.
    explicit PartsSource(std::span<const Part> parts) : parts_(parts) {}

    /// Describes the next bytes in `views`: how many views; 0 at the end. Valid until advance().
    std::size_t look(std::span<iovec> views);
    /// The first `bytes` of what look() described have left.
    void advance(std::size_t bytes);

  private:
    void pack(const Part& part);

    std::span<const Part> parts_;
    std::size_t index_ = 0;                // of the part that is leaving
    std::size_t offset_ = 0;               // bytes of it that have left
    std::unique_ptr<std::byte[]> buffer_;  // a piece of a strided part
    std::size_t packed_from_ = 0;          // bytes of the part before the piece
    std::size_t packed_bytes_ = 0;
};

}  // namespace ipcrun
