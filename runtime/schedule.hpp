// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A large operation cut into chunks of bytes that any member can work on: which bytes, from whom,
/// to whom. A pure function of the operation; all members compute the same.
///
/// The result of an operation is a row of pieces: a part of allreduce, broadcast and reduce; a
/// member's block of the others; a pair's block of alltoall. Chunks are cut from the row, and go
/// through pieces without regard to their ends.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/collective.hpp"

namespace ipcrun {

class Schedule {
  public:
    /// For a collective whose counts are equal on all members. `scratch` is kept and filled.
    Schedule(const Collective& collective, int members, std::vector<std::size_t>& scratch);

    std::uint32_t chunks() const { return chunks_; }
    std::size_t row_bytes() const { return row_bytes_; }
    std::size_t chunk_bytes() const { return chunk_bytes_; }
    Dtype dtype(std::size_t piece) const {
        return block_bytes_ == 0 ? parts_[piece].dtype : dtype_;
    }

    /// The chunks that are member `slice`'s own: from this one to that of the next slice.
    std::uint32_t first_chunk(int slice) const {
        return static_cast<std::uint32_t>(std::uint64_t{chunks_} * slice / members_);
    }

    /// Calls work(piece, from, to), in bytes of the piece, for what `count` chunks consist of.
    template <typename Work>
    void for_each_run(std::uint32_t chunk, std::uint32_t count, Work work) const {
        const std::size_t begin = chunk * chunk_bytes_;
        const std::size_t end = std::min(begin + count * chunk_bytes_, row_bytes_);
        for (std::size_t piece = piece_at(begin); piece < pieces_ && start(piece) < end; ++piece) {
            const std::size_t from = std::max(begin, start(piece)) - start(piece);
            const std::size_t to = std::min(end - start(piece), bytes(piece));
            if (from < to) work(piece, from, to);  // else nothing but padding
        }
    }
    std::size_t bytes(std::size_t piece) const {
        return block_bytes_ == 0 ? parts_[piece].bytes() : block_bytes_;
    }

  private:
    std::size_t start(std::size_t piece) const {
        return block_bytes_ == 0 ? starts_[piece] : piece * stride_;
    }
    std::size_t piece_at(std::size_t byte) const {
        if (block_bytes_ != 0) return byte / stride_;
        return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end() - 1, byte) -
                                        starts_.begin() - 1);
    }

    int members_;
    std::span<const Part> parts_;
    std::vector<std::size_t>& starts_;  // of the parts, were they side by side, and their end
    Dtype dtype_;
    std::size_t block_bytes_ = 0;  // when all pieces are alike; else 0
    std::size_t stride_ = 0;       // from block to block
    std::size_t pieces_ = 0;
    std::size_t row_bytes_ = 0;
    std::size_t chunk_bytes_ = 0;
    std::uint32_t chunks_ = 0;
};

}  // namespace ipcrun
