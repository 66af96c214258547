// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The arithmetic of the written-out limit: sums of n sources into one or into all of them, with
/// the widest vectors of the machine it is compiled for.

#include <cstddef>
#include <cstring>

namespace limit {

constexpr std::size_t line_floats = 16;
constexpr std::size_t prefetch_floats = 1024;  // 4 KiB ahead: found best by trying

using Line = float __attribute__((vector_size(line_floats * sizeof(float)), aligned(4), may_alias));

inline Line load(const float* from) {
    return *reinterpret_cast<const Line*>(from);
}
inline void store(float* to, Line value) {
    *reinterpret_cast<Line*>(to) = value;
}

/// `into` = the sum of `sources`, which may be anywhere.
inline void sum_into_one(float* into, const float* const* sources, int ranks, std::size_t count) {
    std::size_t i = 0;
    for (; i + line_floats <= count; i += line_floats) {
        Line sum = load(sources[0] + i);
        for (int rank = 1; rank < ranks; ++rank) sum += load(sources[rank] + i);
        store(into + i, sum);
    }
    for (; i < count; ++i) {
        float sum = sources[0][i];
        for (int rank = 1; rank < ranks; ++rank) sum += sources[rank][i];
        into[i] = sum;
    }
}

/// Elements [begin, end) of every buffer become their sum: whole lines, and what is left over.
/// With `fixed` ranks the inner loops unroll.
template <int fixed, bool prefetch>
std::size_t sum_lines(float* const* buffers, int any, std::size_t begin, std::size_t end) {
    const int ranks = fixed > 0 ? fixed : any;
    std::size_t i = begin;
    for (; i + line_floats <= end; i += line_floats) {
        if constexpr (prefetch) {
#pragma GCC unroll 16
            for (int rank = 0; rank < ranks; ++rank) {
                __builtin_prefetch(buffers[rank] + i + prefetch_floats, 1);
            }
        }
        Line sum = load(buffers[0] + i);
#pragma GCC unroll 16
        for (int rank = 1; rank < ranks; ++rank) sum += load(buffers[rank] + i);
#pragma GCC unroll 16
        for (int rank = 0; rank < ranks; ++rank) store(buffers[rank] + i, sum);
    }
    return i;
}

template <int fixed>
void sum_slice(float* const* buffers, int ranks, std::size_t begin, std::size_t end) {
    // What lies behind the end is a neighbour's: fetching it would take it away from there.
    const std::size_t fetched = end - begin > prefetch_floats ? end - prefetch_floats : begin;
    std::size_t i = sum_lines<fixed, true>(buffers, ranks, begin, fetched);
    i = sum_lines<fixed, false>(buffers, ranks, i, end);
    for (; i < end; ++i) {
        float sum = buffers[0][i];
        for (int rank = 1; rank < ranks; ++rank) sum += buffers[rank][i];
        for (int rank = 0; rank < ranks; ++rank) buffers[rank][i] = sum;
    }
}

inline void sum_into_all(float* const* shared, int ranks, std::size_t begin, std::size_t end) {
    // A copy on the stack, that the stores below cannot change.
    float* buffers[64];
    std::memcpy(buffers, shared, sizeof(float*) * static_cast<std::size_t>(ranks));
    switch (ranks) {
        case 2:
            return sum_slice<2>(buffers, 2, begin, end);
        case 3:
            return sum_slice<3>(buffers, 3, begin, end);
        case 4:
            return sum_slice<4>(buffers, 4, begin, end);
        case 8:
            return sum_slice<8>(buffers, 8, begin, end);
        default:
            return sum_slice<0>(buffers, ranks, begin, end);
    }
}

}  // namespace limit
