// SPDX-License-Identifier: Apache-2.0
#pragma once
/// reduce() for this CPU, without the choice at every call that it makes.

#include "runtime/reduce.hpp"

namespace ipcrun {

using Reduce = void(Op op, Dtype dtype, std::span<const std::byte* const> sources,
                    std::span<std::byte* const> destinations, std::size_t count, std::size_t next);
Reduce* best_reduce();

}  // namespace ipcrun
