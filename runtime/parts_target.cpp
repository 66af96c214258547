// SPDX-License-Identifier: Apache-2.0
#include "runtime/parts_target.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/parts_source.hpp"

namespace ipcrun {

void PartsTarget::skip_full() {
    while (index_ < parts_.size() && offset_ >= parts_[index_].bytes()) {
        offset_ -= parts_[index_].bytes();
        ++index_;
    }
}

std::size_t PartsTarget::look(std::span<iovec> views) {
    skip_full();
    std::size_t count = 0;
    std::size_t offset = offset_;
    for (std::size_t i = index_; i < parts_.size() && count < views.size(); ++i, offset = 0) {
        const Part& part = parts_[i];
        if (part.bytes() == offset) continue;
        if (!is_strided(part)) {
            views[count++] = {static_cast<std::byte*>(part.data) + offset, part.bytes() - offset};
            continue;
        }
        // One piece of one part at a time is unpacked.
        if (count != 0) break;
        index_ = i;
        if (!piece_) {
            if (buffer_ == nullptr) buffer_ = std::make_unique<std::byte[]>(piece_bytes_max);
            const std::size_t size = size_of(part.dtype);
            piece_.emplace(part, offset / size, piece_bytes_max / size);
        }
        views[count++] = {buffer_.get() + piece_bytes_, piece_->part().bytes() - piece_bytes_};
        break;
    }
    return count;
}

void PartsTarget::advance(std::size_t bytes) {
    bytes_ += bytes;
    if (!piece_) {
        offset_ += bytes;
    } else {
        piece_bytes_ += bytes;
        if (piece_bytes_ < piece_->part().bytes()) return;
        unpack(buffer_.get(), piece_->part());
        offset_ += piece_bytes_;
        piece_.reset();
        piece_bytes_ = 0;
    }
    skip_full();
}

void PartsTarget::put(std::span<const std::byte> bytes) {
    std::array<iovec, 1> view;
    while (!bytes.empty() && look(view) != 0) {
        const std::size_t some = std::min(bytes.size(), view[0].iov_len);
        std::memcpy(view[0].iov_base, bytes.data(), some);
        advance(some);
        bytes = bytes.subspan(some);
    }
}

void PartsTarget::copy_to(std::byte* to) const {
    PartsSource source(parts_);
    std::array<iovec, 1> view;
    std::size_t left = bytes_ - piece_bytes_;
    while (left != 0 && source.look(view) != 0) {
        const std::size_t some = std::min(left, view[0].iov_len);
        std::memcpy(to, view[0].iov_base, some);
        source.advance(some);
        to += some;
        left -= some;
    }
    if (piece_bytes_ != 0) std::memcpy(to, buffer_.get(), piece_bytes_);
}

}  // namespace ipcrun
