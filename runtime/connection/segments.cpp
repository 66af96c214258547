// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/segments.hpp"

#include <algorithm>

#include "runtime/strided.hpp"

namespace ipcrun {

std::size_t bytes_of(std::span<const Part> parts) {
    std::size_t bytes = 0;
    for (const Part& part : parts) bytes += part.bytes();
    return bytes;
}

Segments::Segments(std::span<const Part> parts, std::size_t segment_bytes)
    : segment_bytes_(segment_bytes), room_(segment_bytes), starts_{0} {
    for (const Part& part : parts) {
        if (!is_strided(part)) {
            add(part);
            continue;
        }
        StoragePtr copy = Storage::create(nullptr, part.dtype, part.count);
        pack(part, copy->data());
        add({copy->data(), part.count, part.dtype});
        packed_.push_back({part, std::move(copy)});
    }
    starts_.push_back(runs_.size());
}

void Segments::add(const Part& run) {
    auto* data = static_cast<std::byte*>(run.data);
    const std::size_t element_bytes = size_of(run.dtype);
    for (std::size_t left = run.count; left > 0;) {
        const std::size_t count = std::min(left, room_ / element_bytes);
        if (count == 0) {
            starts_.push_back(runs_.size());
            room_ = segment_bytes_;
            continue;
        }
        runs_.push_back({data, count, run.dtype});
        data += count * element_bytes;
        room_ -= count * element_bytes;
        left -= count;
    }
}

void Segments::unpack() const {
    for (const Packed& packed : packed_) ipcrun::unpack(packed.copy->data(), packed.part);
}

}  // namespace ipcrun
