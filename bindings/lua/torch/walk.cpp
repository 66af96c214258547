// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/walk.hpp"

#include <algorithm>

namespace ipcrun::lua {

namespace {

/// The dimensions of a walk while it is planned: sizes above 1 only, outermost first.
struct Dimensions {
    int count = 0;
    std::int64_t sizes[tensor_dims_max];
    std::int64_t strides[walk_operands_max][tensor_dims_max];
};

Dimensions collect(std::initializer_list<const View*> operands) {
    Dimensions dims;
    const Shape& shape = (*operands.begin())->shape;
    for (int d = 0; d < shape.dims; ++d) {
        if (shape.sizes[d] == 1) continue;
        dims.sizes[dims.count] = shape.sizes[d];
        int k = 0;
        for (const View* view : operands) dims.strides[k++][dims.count] = view->strides[d];
        ++dims.count;
    }
    return dims;
}

/// Larger strides outwards: by the first operand, and where it does not care by the next.
void sort_by_stride(Dimensions& dims, int operands) {
    const auto is_outer = [&](int a, int b) {
        for (int k = 0; k < operands; ++k)
            if (dims.strides[k][a] != dims.strides[k][b])
                return dims.strides[k][a] > dims.strides[k][b];
        return false;
    };
    for (int i = 1; i < dims.count; ++i)
        for (int j = i; j > 0 && is_outer(j, j - 1); --j) {
            std::swap(dims.sizes[j], dims.sizes[j - 1]);
            for (int k = 0; k < operands; ++k)
                std::swap(dims.strides[k][j], dims.strides[k][j - 1]);
        }
}

/// Joins neighbours through which every operand runs on without a gap.
void merge_neighbours(Dimensions& dims, int operands) {
    int last = 0;
    for (int d = 1; d < dims.count; ++d) {
        bool joins = true;
        for (int k = 0; k < operands; ++k)
            joins = joins && dims.strides[k][last] == dims.strides[k][d] * dims.sizes[d];
        if (joins) {
            dims.sizes[last] *= dims.sizes[d];
        } else {
            ++last;
            dims.sizes[last] = dims.sizes[d];
        }
        for (int k = 0; k < operands; ++k) dims.strides[k][last] = dims.strides[k][d];
    }
    if (dims.count > 0) dims.count = last + 1;
}

}  // namespace

Walk plan_walk(std::initializer_list<const View*> operands, WalkOrder order) {
    Walk walk;
    walk.operands = int(operands.size());
    walk.empty = (*operands.begin())->shape.count() == 0;
    Dimensions dims = collect(operands);
    if (order == WalkOrder::memory) sort_by_stride(dims, walk.operands);
    merge_neighbours(dims, walk.operands);
    walk.outer_dims = std::max(dims.count - 1, 0);
    if (dims.count > 0) walk.run_count = dims.sizes[dims.count - 1];
    int k = 0;
    for (const View* view : operands) {
        walk.data[k] = view->data;
        // A single element has no stride; 1 lets kernels take their fast path.
        walk.run_strides[k] = dims.count > 0 ? dims.strides[k][dims.count - 1] : 1;
        for (int d = 0; d < walk.outer_dims; ++d)
            walk.outer_steps[k][d] = dims.strides[k][d] * std::int64_t(size_of(view->dtype));
        ++k;
    }
    std::copy_n(dims.sizes, walk.outer_dims, walk.outer_sizes);
    return walk;
}

}  // namespace ipcrun::lua
