// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Combining equal runs of elements of n ranks, in one canonical order, in the widest vectors that
/// this CPU has (chosen at run time by Highway).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/dtype.hpp"

namespace ipcrun {

enum class Op : std::uint8_t { sum, prod, min, max, avg };

std::string_view name_of(Op op);
std::optional<Op> parse_op(std::string_view text);

/// Writes the combination of `count` elements of all `sources` (in rank order) to every one of
/// `destinations`. A destination may be a source, or overlap none.
///
/// The order is a pairwise tree over the rank index, ranks [k 2^l, (k + 1) 2^l) meeting at level l:
/// the same bits whoever computes it, wherever and in whatever pieces. Integers wrap; integer
/// averages truncate; f16 and bf16 are combined in f32 and rounded once; min and max give NaN when
/// any element is NaN. Which NaN comes out where several go in is left open. `next` is how many
/// elements behind these the caller will turn to then: they are asked for in time. Cost: sources
/// reads and destinations writes an element.
void reduce(Op op, Dtype dtype, std::span<const std::byte* const> sources,
            std::span<std::byte* const> destinations, std::size_t count, std::size_t next = 0);

}  // namespace ipcrun
