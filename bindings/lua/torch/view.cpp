// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/fail.hpp"

namespace ipcrun::lua {

namespace {

// 16 bytes an element leave room for every dtype.
constexpr std::int64_t count_max = std::numeric_limits<std::int64_t>::max() / 16;

/// One past the last byte that `view` addresses.
const std::byte* end_of(const View& view) {
    std::int64_t last = 0;
    for (int d = 0; d < view.shape.dims; ++d) last += (view.shape.sizes[d] - 1) * view.strides[d];
    return view.data + (last + 1) * std::int64_t(size_of(view.dtype));
}

}  // namespace

std::int64_t count_elements(int dims, const std::int64_t* sizes) {
    if (dims == 0) return 0;
    std::int64_t product = 1;
    for (int d = 0; d < dims; ++d) product *= sizes[d];
    return product;
}

bool lie_contiguously(int dims, const std::int64_t* sizes, const std::int64_t* strides) {
    std::int64_t expected = 1;
    for (int d = dims - 1; d >= 0; --d) {
        if (sizes[d] == 1) continue;
        if (strides[d] != expected) return false;
        expected *= sizes[d];
    }
    return true;
}

std::int64_t Shape::count() const {
    return count_elements(dims, sizes);
}

bool Shape::operator==(const Shape& other) const {
    return dims == other.dims && std::equal(sizes, sizes + dims, other.sizes);
}

bool View::is_contiguous() const {
    return lie_contiguously(shape.dims, shape.sizes, strides);
}

View view_of(const Tensor& tensor) {
    View view;
    view.dtype = tensor.dtype();
    view.data = tensor.data();
    view.shape.dims = tensor.dims;
    std::copy_n(tensor.sizes, tensor.dims, view.shape.sizes);
    std::copy_n(tensor.strides, tensor.dims, view.strides);
    return view;
}

std::string format_shape(const Shape& shape) {
    if (shape.dims == 0) return "no dimension";
    std::string text = fmt::to_string(shape.sizes[0]);
    for (int d = 1; d < shape.dims; ++d)
        fmt::format_to(std::back_inserter(text), "x{}", shape.sizes[d]);
    return text;
}

std::int64_t checked_count(const Shape& shape) {
    std::int64_t count = shape.dims == 0 ? 0 : 1;
    bool empty = false;
    bool too_many = false;
    for (int d = 0; d < shape.dims; ++d) {
        if (shape.sizes[d] < 0)
            fail(ErrorCode::usage, "size {} of dimension {} is negative", shape.sizes[d], d + 1);
        if (shape.sizes[d] == 0) empty = true;
        if (shape.sizes[d] > 0 && count > count_max / shape.sizes[d])
            too_many = true;
        else
            count *= std::max<std::int64_t>(shape.sizes[d], 1);
    }
    // Refused when empty too: strides are computed as if no size were 0.
    if (too_many)
        fail(ErrorCode::usage, "a tensor of size {} does not fit any memory", format_shape(shape));
    return empty ? 0 : count;
}

void set_contiguous_strides(const Shape& shape, std::int64_t* strides) {
    std::int64_t stride = 1;
    for (int d = shape.dims - 1; d >= 0; --d) {
        strides[d] = stride;
        stride *= std::max<std::int64_t>(shape.sizes[d], 1);
    }
}

bool lies_inside(const Shape& shape, const std::int64_t* strides, std::int64_t offset,
                 std::int64_t available) {
    if (offset < 0 || offset > available) return false;
    std::int64_t last = offset;
    std::int64_t product = 1;
    bool empty = shape.dims == 0;
    for (int d = 0; d < shape.dims; ++d) {
        const std::int64_t size = shape.sizes[d];
        if (size < 0 || strides[d] < 0) return false;
        if (size == 0) empty = true;
        if (size <= 1) continue;
        if (product > count_max / size || strides[d] > (available - last) / (size - 1))
            return false;
        product *= size;
        last += strides[d] * (size - 1);
    }
    return empty || last < available;
}

Shape broadcast(const Shape& a, const Shape& b, const char* operation) {
    if (a == b) return a;
    Shape result;
    // An empty tensor has nothing that could be stretched.
    if (a.dims != 0 && b.dims != 0) {
        result.dims = std::max(a.dims, b.dims);
        bool fits = true;
        for (int d = 1; d <= result.dims; ++d) {
            const std::int64_t size_a = d <= a.dims ? a.sizes[a.dims - d] : 1;
            const std::int64_t size_b = d <= b.dims ? b.sizes[b.dims - d] : 1;
            if (size_a != size_b && size_a != 1 && size_b != 1) fits = false;
            result.sizes[result.dims - d] = size_a == 1 ? size_b : size_a;
        }
        if (fits) return result;
    }
    fail(ErrorCode::usage, "{}: sizes {} and {} do not match and cannot be broadcast", operation,
         format_shape(a), format_shape(b));
}

View expand(const View& view, const Shape& shape, const char* operation) {
    if (view.shape == shape) return view;
    View result = view;
    result.shape = shape;
    bool fits = view.shape.dims != 0 && view.shape.dims <= shape.dims;
    for (int d = 1; fits && d <= shape.dims; ++d) {
        const bool given = d <= view.shape.dims;
        const std::int64_t size = given ? view.shape.sizes[view.shape.dims - d] : 1;
        const std::int64_t stride = given ? view.strides[view.shape.dims - d] : 0;
        if (size != 1 && size != shape.sizes[shape.dims - d]) fits = false;
        result.strides[shape.dims - d] = size == shape.sizes[shape.dims - d] ? stride : 0;
    }
    if (!fits)
        fail(ErrorCode::usage, "{}: a tensor of size {} cannot be expanded to {}", operation,
             format_shape(view.shape), format_shape(shape));
    return result;
}

void check_writable(const View& view, const char* operation) {
    for (int d = 0; d < view.shape.dims; ++d)
        if (view.strides[d] == 0 && view.shape.sizes[d] > 1)
            fail(ErrorCode::usage,
                 "{}: cannot write into an expanded tensor, whose elements share memory; "
                 "write into its clone()",
                 operation);
}

bool overlap(const View& a, const View& b) {
    if (a.shape.count() == 0 || b.shape.count() == 0) return false;
    return a.data < end_of(b) && b.data < end_of(a);
}

bool same_elements(const View& a, const View& b) {
    if (a.data != b.data || a.dtype != b.dtype || !(a.shape == b.shape)) return false;
    for (int d = 0; d < a.shape.dims; ++d)
        if (a.shape.sizes[d] > 1 && a.strides[d] != b.strides[d]) return false;
    return true;
}

Scratch::Scratch(Dtype dtype, const Shape& shape)
    : storage(Storage::create(nullptr, dtype, std::size_t(checked_count(shape)))) {
    view.dtype = dtype;
    view.data = storage->data();
    view.shape = shape;
    set_contiguous_strides(shape, view.strides);
}

}  // namespace ipcrun::lua
