// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_segments.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/strided.hpp"
#include "runtime/strided_piece.hpp"

namespace ipcrun {

namespace {

// To copy less costs less than another segment.
constexpr std::size_t own_bytes_min = 32 * 1024;

template <typename Work>
void for_each_run(const PartPiece& piece, Work work) {
    const Part& part = *piece.part;
    if (!is_strided(part)) {
        auto* const data = static_cast<std::byte*>(part.data) + piece.first * size_of(part.dtype);
        return work(Part{data, piece.count, part.dtype});
    }
    for (std::size_t done = 0; done < piece.count;) {
        const StridedPiece run(part, piece.first + done, piece.count - done);
        work(run.part());
        done += run.part().count;
    }
}

}  // namespace

std::byte* HostSegment::in_place() const {
    if (pieces.size() != 1 || is_strided(*pieces[0].part)) return nullptr;
    return static_cast<std::byte*>(pieces[0].part->data) + pieces[0].first * size_of(dtype);
}

void HostSegment::pack(std::byte* to) const {
    for (const PartPiece& piece : pieces)
        for_each_run(piece, [&](const Part& run) {
            if (is_strided(run))
                ipcrun::pack(run, to);
            else
                std::memcpy(to, run.data, run.bytes());
            to += run.bytes();
        });
}

void HostSegment::unpack(const std::byte* from) const {
    for (const PartPiece& piece : pieces)
        for_each_run(piece, [&](const Part& run) {
            if (is_strided(run))
                ipcrun::unpack(from, run);
            else
                std::memcpy(run.data, from, run.bytes());
            from += run.bytes();
        });
}

std::vector<HostSegment> cut_in_segments(std::span<const Part> parts, std::size_t bytes_max) {
    std::vector<HostSegment> result;
    for (int number = 0; number < dtype_count; ++number) {
        const auto dtype = static_cast<Dtype>(number);
        const std::size_t count_max = bytes_max / size_of(dtype);
        HostSegment shared{dtype, 0, {}};
        const auto close = [&] {
            if (shared.count != 0) result.push_back(std::move(shared));
            shared = {dtype, 0, {}};
        };
        for (const Part& part : parts) {
            if (part.dtype != dtype || part.count == 0) continue;
            if (part.bytes() < std::min(own_bytes_min, bytes_max)) {
                if (shared.count + part.count > count_max) close();
                shared.pieces.push_back({&part, 0, part.count});
                shared.count += part.count;
                continue;
            }
            // Nearly equal ones: the last is not the short one that all have to wait for.
            const std::size_t pieces = (part.count + count_max - 1) / count_max;
            const std::size_t length = (part.count + pieces - 1) / pieces;
            for (std::size_t first = 0; first < part.count; first += length) {
                const std::size_t count = std::min(length, part.count - first);
                result.push_back({dtype, count, {{&part, first, count}}});
            }
        }
        close();
    }
    return result;
}

}  // namespace ipcrun
