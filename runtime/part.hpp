// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The memory that takes part in an operation.

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/dtype.hpp"

namespace ipcrun {

/// Elements of one dtype, borrowed until the operation is done. Memory of the shared heap (see
/// Storage) is worked on where it lies, by any rank; other memory is read and written by peers
/// through the kernel where that is allowed, or copied through the heap.
struct Part {
    void* data = nullptr;   ///< the first element; any alignment
    std::size_t count = 0;  ///< elements
    Dtype dtype = Dtype::f32;
    /// Empty: the elements lie side by side. Else up to 16 dimensions, whose product is `count`;
    /// element (i, j, …) lies at data[i * strides[0] + j * strides[1] + …], counted in elements.
    /// Such a part is copied once to the heap and back. Elements of a part that is written must not
    /// overlap.
    std::span<const std::int64_t> sizes = {};
    std::span<const std::int64_t> strides = {};

    std::size_t bytes() const { return count * size_of(dtype); }
};

}  // namespace ipcrun
