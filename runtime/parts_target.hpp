// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Parts as bytes that come: where the next ones belong.

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "runtime/part.hpp"
#include "runtime/strided_piece.hpp"

namespace ipcrun {

class PartsTarget {
  public:
    /// Borrows the parts, which check_strides() has found in order to be written.
    explicit PartsTarget(std::span<const Part> parts) : parts_(parts) {}

    /// Describes in `views` where the next bytes belong: how many views; 0 at the end. Valid until
    /// advance().
    std::size_t look(std::span<iovec> views);
    /// The first `bytes` of what look() described have come.
    void advance(std::size_t bytes);
    /// The same with bytes that lie elsewhere.
    void put(std::span<const std::byte> bytes);

    /// What has come so far, side by side.
    void copy_to(std::byte* to) const;
    std::size_t bytes() const { return bytes_; }

  private:
    void skip_full();

    std::span<const Part> parts_;
    std::size_t bytes_ = 0;                // that have come
    std::size_t index_ = 0;                // of the part that is being filled
    std::size_t offset_ = 0;               // bytes of it that are there
    std::unique_ptr<std::byte[]> buffer_;  // a piece of a strided part, until it is complete
    std::optional<StridedPiece> piece_;
    std::size_t piece_bytes_ = 0;  // of it that have come
};

}  // namespace ipcrun
