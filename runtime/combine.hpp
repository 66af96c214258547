// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reductions in which values meet two at a time, on their way through messages: what reduce()
/// makes of all at once, in steps.

#include <cstddef>

#include "runtime/part.hpp"
#include "runtime/reduce.hpp"

namespace ipcrun {

/// In which order two values are combined: all who compute the same sum take the same, for which of
/// two NaNs comes out, or of two zeros, depends on it.
enum class Order { mine_first, theirs_first };

/// Combines as many elements at `theirs` into those of `mine`, which lie side by side. An average
/// is a sum until finish_combination().
void combine(Op op, const Part& mine, const std::byte* theirs, Order order);

/// Makes what is combined from `members` values the result, in place: divides an average, and gives
/// the truth of a single value as one or zero.
void finish_combination(Op op, const Part& part, int members);

}  // namespace ipcrun
