// SPDX-License-Identifier: Apache-2.0
#include "runtime/schedule.hpp"

#include "runtime/collective_checks.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

constexpr std::size_t cache_line = 64;
constexpr std::size_t chunk_bytes_min = 8 * 1024;
constexpr std::size_t chunk_bytes_max = 64 * 1024;
constexpr std::size_t chunks_per_member = 4;  // enough to even out what the slices do not

// Whole cache lines: no chunk ends within an element, and no two chunks share a line of a piece.
std::size_t padded(std::size_t bytes) {
    return (bytes + cache_line - 1) / cache_line * cache_line;
}

}  // namespace

Schedule::Schedule(const Collective& collective, int members, std::vector<std::size_t>& scratch)
    : members_(members), starts_(scratch), dtype_(Dtype::u8) {
    const auto n = static_cast<std::size_t>(members);
    starts_.clear();
    if (is_about_lists(collective.kind)) {
        parts_ = collective.from;
        pieces_ = parts_.size();
        for (const Part& part : parts_) {
            starts_.push_back(row_bytes_);
            row_bytes_ += padded(part.bytes());
        }
        starts_.push_back(row_bytes_);
    } else {
        const Part& from = collective.from[0];
        dtype_ = from.dtype;
        const bool is_whole = collective.kind == Kind::allgather || collective.kind == Kind::gather;
        const bool is_block =
            collective.kind == Kind::scatter || collective.kind == Kind::reduce_scatter;
        block_bytes_ = is_whole   ? from.bytes()
                       : is_block ? collective.to[0].bytes()
                                  : from.bytes() / n;
        stride_ = padded(block_bytes_);
        pieces_ = collective.kind == Kind::alltoall ? n * n : n;
        row_bytes_ = pieces_ * stride_;
        if (is_block) dtype_ = collective.to[0].dtype;
    }
    const std::size_t wanted = row_bytes_ / (n * chunks_per_member);
    chunk_bytes_ = padded(std::clamp(wanted, chunk_bytes_min, chunk_bytes_max));
    chunks_ = static_cast<std::uint32_t>((row_bytes_ + chunk_bytes_ - 1) / chunk_bytes_);
}

}  // namespace ipcrun
