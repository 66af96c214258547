// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Combining equal runs of elements of n ranks, in one canonical order, in the widest vectors that
/// this CPU has (chosen at run time).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/dtype.hpp"

namespace ipcrun {

/// `land`, `lor` and `lxor` take any element but zero for true, NaN too, and give 1 or 0, also from
/// a single source. `band`, `bor` and `bxor` combine the bits of integers.
enum class Op : std::uint8_t { sum, prod, min, max, avg, land, lor, lxor, band, bor, bxor };

std::string_view name_of(Op op);
std::optional<Op> parse_op(std::string_view text);

/// Whether there is such a combination of elements of `dtype`: all but the bitwise ones of floats.
/// What is not defined must be refused before reduce(), which aborts.
bool is_defined(Op op, Dtype dtype);

/// Writes the combination of `count` elements of all `sources` (in rank order; one at least) to
/// every one of `destinations` (one at least). A destination may be a source, or overlap none.
/// Elements may lie at any address: aligned ones are faster, by a third in the nearest cache, not
/// at all beyond.
///
/// The order is a pairwise tree over the rank index, ranks [k 2^l, (k + 1) 2^l) meeting at level l:
/// the same bits whoever computes it, wherever and in whatever pieces. Integers wrap; integer
/// averages are the wrapped sum divided, cut off towards zero; f16 and bf16 are combined in f32 and
/// rounded once; min and max give NaN when any element is NaN. Which NaN comes out where several go
/// in is left open. `next` is how many elements behind these the caller will turn to then: they are
/// asked for in time. Cost: sources reads and destinations writes an element; fastest from 2, 4 or
/// 8 sources into as many destinations or one, and from 3 into one.
void reduce(Op op, Dtype dtype, std::span<const std::byte* const> sources,
            std::span<std::byte* const> destinations, std::size_t count, std::size_t next = 0);

}  // namespace ipcrun
