// SPDX-License-Identifier: Apache-2.0
#include "runtime/parts_source.hpp"

#include <algorithm>

#include "runtime/strided_piece.hpp"

namespace ipcrun {

void PartsSource::pack(const Part& part) {
    if (offset_ < packed_from_ + packed_bytes_) return;
    if (buffer_ == nullptr) buffer_ = std::make_unique<std::byte[]>(piece_bytes_max);
    const std::size_t size = size_of(part.dtype);
    const StridedPiece piece(part, offset_ / size, piece_bytes_max / size);
    ipcrun::pack(piece.part(), buffer_.get());
    packed_from_ = offset_;
    packed_bytes_ = piece.part().bytes();
}

std::size_t PartsSource::look(std::span<iovec> views) {
    std::size_t count = 0;
    std::size_t offset = offset_;
    for (std::size_t i = index_; i < parts_.size() && count < views.size(); ++i, offset = 0) {
        const Part& part = parts_[i];
        if (part.bytes() == offset) {
            if (count == 0 && i == index_) advance(0);
            continue;
        }
        if (!is_strided(part)) {
            views[count++] = {static_cast<std::byte*>(part.data) + offset, part.bytes() - offset};
            continue;
        }
        // One piece of one part at a time is packed.
        if (count != 0) break;
        index_ = i;
        offset_ = offset;
        pack(part);
        views[count++] = {buffer_.get() + (offset_ - packed_from_),
                          packed_from_ + packed_bytes_ - offset_};
        break;
    }
    return count;
}

void PartsSource::advance(std::size_t bytes) {
    offset_ += bytes;
    while (index_ < parts_.size() && offset_ >= parts_[index_].bytes()) {
        offset_ -= parts_[index_].bytes();
        ++index_;
        packed_from_ = packed_bytes_ = 0;
    }
}

}  // namespace ipcrun
