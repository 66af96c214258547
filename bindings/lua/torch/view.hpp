// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Shapes and strided views as plain values: what the math works on. A View borrows its memory from
/// a storage that somebody else keeps alive; being trivially destructible it may be alive when Lua
/// raises, which a Tensor value may not.

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "bindings/lua/tensor.hpp"

namespace ipcrun::lua {

/// Whether `dtype` is one of the two that compute in float.
constexpr bool is_half_dtype(Dtype dtype) {
    return dtype == Dtype::f16 || dtype == Dtype::bf16;
}

struct Shape {
    int dims = 0;  ///< 0: empty, no elements
    std::int64_t sizes[tensor_dims_max] = {};

    std::int64_t count() const;
    bool operator==(const Shape& other) const;
};

struct View {
    Dtype dtype = Dtype::f64;
    std::byte* data = nullptr;  ///< the first element
    Shape shape;
    std::int64_t strides[tensor_dims_max] = {};  ///< in elements

    bool is_contiguous() const;
};
static_assert(std::is_trivially_destructible_v<View>);

View view_of(const Tensor& tensor);

/// Elements of a shape, 0 without a dimension; and whether they lie row by row without gaps.
std::int64_t count_elements(int dims, const std::int64_t* sizes);
bool lie_contiguously(int dims, const std::int64_t* sizes, const std::int64_t* strides);

/// "3x4", or "no dimension".
std::string format_shape(const Shape& shape);

/// The element count of `shape`; throws usage when it is negative somewhere or overflows.
std::int64_t checked_count(const Shape& shape);

/// Row-major strides for `shape`, last dimension 1.
void set_contiguous_strides(const Shape& shape, std::int64_t* strides);

/// Whether a view of `shape` from `offset` on stays inside a storage of `available` elements. False
/// for sizes or strides below 0, and for more elements than can be counted.
bool lies_inside(const Shape& shape, const std::int64_t* strides, std::int64_t offset,
                 std::int64_t available);

/// The shape that `a` and `b` broadcast to (sizes of 1, and missing leading dimensions, stretch).
/// Throws usage naming both shapes and `operation`.
Shape broadcast(const Shape& a, const Shape& b, const char* operation);

/// `view` with its sizes of 1 stretched to `shape` by strides of 0. Throws usage.
View expand(const View& view, const Shape& shape, const char* operation);

/// Throws usage when two indices of `view` name one element, as they do after expand().
void check_writable(const View& view, const char* operation);

/// Whether the memory ranges that `a` and `b` span meet.
bool overlap(const View& a, const View& b);
/// Whether `a` and `b` address the same elements in the same order.
bool same_elements(const View& a, const View& b);

/// Memory of its own for intermediate results; private, contiguous.
struct Scratch {
    Scratch(Dtype dtype, const Shape& shape);
    StoragePtr storage;
    View view;
};

}  // namespace ipcrun::lua
