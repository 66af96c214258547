// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What has to be read and written for each kind of operation when every rank can reach the memory
/// of all: an index space that can be cut anywhere and shared out among whoever is awake.

#include <emmintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bench/kinds.h"
#include "bench/limit_kernel.hpp"

namespace limit {

constexpr int ranks_max = 15;
/// Bytes that one operation writes, above which the caches are no use: found by trying.
constexpr std::size_t streaming_bytes = 24u << 20;
/// What is copied to several places goes in pieces that stay in the nearest cache.
constexpr std::size_t piece_floats = 4096;

/// memcpy past the caches.
inline void copy_streaming(float* to, const float* from, std::size_t count) {
    std::size_t i = 0;
    for (; i < count && reinterpret_cast<std::uintptr_t>(to + i) % 16 != 0; ++i) to[i] = from[i];
    for (; i + 4 <= count; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
    for (; i < count; ++i) to[i] = from[i];
    _mm_sfence();
}

/// One operation of `root`, as rank-independent work on the memory of all ranks.
class Work {
  public:
    Work(shape form, const memory* ranks, int root) : form_(form), ranks_(ranks), root_(root) {}

    /// Elements of the index space, in which each costs about as much as any other.
    std::size_t size() const {
        const auto others = static_cast<std::size_t>(form_.ranks) - 1;
        switch (form_.kind) {
            case kind_allreduce:
            case kind_broadcast:
            case kind_reduce:
                return form_.block;
            case kind_gather:
                return others * form_.block;
            case kind_alltoall:
                return (others + 1) * (others + 1) * form_.block;
            case kind_reduce_scatter:
            case kind_allgather:
            case kind_scatter:
                return (others + 1) * form_.block;
            case kind_barrier:
            case kind_count:
                break;
        }
        return 0;
    }

    /// Of all ranks together.
    std::size_t written_bytes() const {
        const bool to_others = form_.kind == kind_broadcast || form_.kind == kind_allgather;
        const auto copies = static_cast<std::size_t>(to_others ? form_.ranks - 1 : 1);
        return size() * copies * sizeof(float);
    }

    /// Does the part [begin, end) of it.
    void run(std::size_t begin, std::size_t end) const {
        if (form_.kind == kind_allreduce) {
            float* buffers[ranks_max];
            for (int rank = 0; rank < form_.ranks; ++rank) buffers[rank] = ranks_[rank].got;
            return sum_into_all(buffers, form_.ranks, begin, end);
        }
        // Within one block of one rank at a time.
        while (begin < end) {
            const std::size_t index = begin / form_.block;
            const std::size_t first = begin - index * form_.block;
            const std::size_t count = std::min(form_.block - first, end - begin);
            run_in_block(static_cast<int>(index), first, count);
            begin += count;
        }
    }

  private:
    void run_in_block(int index, std::size_t first, std::size_t count) const {
        const int after_root = index < root_ ? index : index + 1;
        const int row = index / form_.ranks;
        const int column = index % form_.ranks;
        switch (form_.kind) {
            case kind_broadcast:
                return copy_to_others(ranks_[root_].given + first, root_, first, count);
            case kind_reduce:
                return sum(ranks_[root_].got + first, first, count);
            case kind_reduce_scatter:
                return sum(ranks_[index].got + first, at(index) + first, count);
            case kind_allgather:
                return copy_to_others(ranks_[index].given + first, index, at(index) + first, count);
            case kind_gather:
                return copy(ranks_[root_].got + at(after_root) + first,
                            ranks_[after_root].given + first, count);
            case kind_scatter:
                return copy(ranks_[index].got + first, ranks_[root_].given + at(index) + first,
                            count);
            case kind_alltoall:
                return copy(ranks_[row].got + at(column) + first,
                            ranks_[column].given + at(row) + first, count);
            default:
                return;
        }
    }

    std::size_t at(int block) const { return static_cast<std::size_t>(block) * form_.block; }

    void sum(float* to, std::size_t offset, std::size_t count) const {
        const float* sources[ranks_max];
        for (int rank = 0; rank < form_.ranks; ++rank) sources[rank] = ranks_[rank].given + offset;
        sum_into_one(to, sources, form_.ranks, count);
    }

    void copy(float* to, const float* from, std::size_t count) const {
        if (written_bytes() > streaming_bytes) return copy_streaming(to, from, count);
        std::memcpy(to, from, count * sizeof(float));
    }

    void copy_to_others(const float* from, int self, std::size_t offset, std::size_t count) const {
        for (std::size_t done = 0; done < count; done += piece_floats) {
            const std::size_t piece = std::min(piece_floats, count - done);
            for (int rank = 0; rank < form_.ranks; ++rank) {
                if (rank != self) copy(ranks_[rank].got + offset + done, from + done, piece);
            }
        }
    }

    shape form_;
    const memory* ranks_;
    int root_;
};

}  // namespace limit
