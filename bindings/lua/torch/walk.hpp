// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Walking several views of one shape together, as runs: the longest stretches in which every
/// operand advances by a fixed stride. Contiguous operands are one run, so kernels never compute an
/// index per element.

#include <cstdint>
#include <initializer_list>

#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

constexpr int walk_operands_max = 4;

struct Walk {
    int operands = 0;
    int outer_dims = 0;
    bool empty = false;
    std::int64_t run_count = 1;                        ///< elements in a run
    std::int64_t run_strides[walk_operands_max] = {};  ///< in elements
    std::int64_t outer_sizes[tensor_dims_max];
    std::int64_t outer_steps[walk_operands_max][tensor_dims_max];  ///< in bytes
    std::byte* data[walk_operands_max] = {};
};

enum class WalkOrder {
    memory,     ///< any order; picks the one in which the first operand is read as it lies
    row_major,  ///< the order of the indices
};

/// Plans a walk over `operands`, which have equal shapes.
Walk plan_walk(std::initializer_list<const View*> operands, WalkOrder order = WalkOrder::memory);

/// Calls `run(std::byte* const* data, const std::int64_t* strides, std::int64_t count)` for every
/// run; `strides` in elements.
template <typename Run>
void for_each_run(const Walk& walk, Run&& run) {
    if (walk.empty) return;
    std::byte* data[walk_operands_max];
    for (int k = 0; k < walk.operands; ++k) data[k] = walk.data[k];
    std::int64_t index[tensor_dims_max] = {};
    while (true) {
        run(data, walk.run_strides, walk.run_count);
        int d = walk.outer_dims - 1;
        for (; d >= 0; --d) {
            if (++index[d] < walk.outer_sizes[d]) {
                for (int k = 0; k < walk.operands; ++k) data[k] += walk.outer_steps[k][d];
                break;
            }
            index[d] = 0;
            for (int k = 0; k < walk.operands; ++k)
                data[k] -= walk.outer_steps[k][d] * (walk.outer_sizes[d] - 1);
        }
        if (d < 0) return;
    }
}

/// The inner loop of one operation on one dtype; operand 0 is the result.
using Kernel = void (*)(std::byte* const* data, const std::int64_t* strides, std::int64_t count);

}  // namespace ipcrun::lua
