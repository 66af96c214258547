// SPDX-License-Identifier: Apache-2.0
#include "runtime/strided.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

struct Axis {
    std::int64_t size;
    std::int64_t stride;
};

// Axes of more than one element, the narrowest last; neighbours that continue each other are one.
struct Axes {
    std::array<Axis, part_dims_max> axes;
    std::size_t count = 0;

    explicit Axes(const Part& part) {
        for (std::size_t i = 0; i < part.sizes.size(); ++i) {
            const Axis axis{part.sizes[i], part.strides[i]};
            if (axis.size == 1) continue;
            if (count > 0 && axes[count - 1].stride == axis.stride * axis.size)
                axes[count - 1] = {axes[count - 1].size * axis.size, axis.stride};
            else
                axes[count++] = axis;
        }
    }
};

// Calls copy(offset in elements, run index) for each innermost run, in order.
template <typename Copy>
void for_each_run(const Axes& axes, Copy copy) {
    const std::size_t outer = axes.count - 1;
    std::array<std::int64_t, part_dims_max> index{};
    std::int64_t offset = 0;
    for (std::size_t run = 0;; ++run) {
        copy(offset, run);
        std::size_t axis = outer;
        for (; axis > 0; --axis) {
            offset += axes.axes[axis - 1].stride;
            if (++index[axis - 1] < axes.axes[axis - 1].size) break;
            offset -= axes.axes[axis - 1].stride * axes.axes[axis - 1].size;
            index[axis - 1] = 0;
        }
        if (axis == 0) return;
    }
}

template <std::size_t N>
void gather_run(const std::byte* from, std::int64_t stride, std::int64_t count, std::byte* to) {
    for (std::int64_t i = 0; i < count; ++i)
        std::memcpy(to + i * std::int64_t{N}, from + i * stride * std::int64_t{N}, N);
}

template <std::size_t N>
void scatter_run(const std::byte* from, std::byte* to, std::int64_t stride, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i)
        std::memcpy(to + i * stride * std::int64_t{N}, from + i * std::int64_t{N}, N);
}

template <std::size_t N>
void pack_elements(const Part& part, const Axes& axes, std::byte* to) {
    const auto* data = static_cast<const std::byte*>(part.data);
    const Axis inner = axes.axes[axes.count - 1];
    for_each_run(axes, [&](std::int64_t offset, std::size_t run) {
        gather_run<N>(data + offset * std::int64_t{N}, inner.stride, inner.size,
                      to + run * inner.size * N);
    });
}

template <std::size_t N>
void unpack_elements(const std::byte* from, const Part& part, const Axes& axes) {
    auto* data = static_cast<std::byte*>(part.data);
    const Axis inner = axes.axes[axes.count - 1];
    for_each_run(axes, [&](std::int64_t offset, std::size_t run) {
        scatter_run<N>(from + run * inner.size * N, data + offset * std::int64_t{N}, inner.stride,
                       inner.size);
    });
}

bool lies_side_by_side(const Axes& axes) {
    return axes.count == 0 || (axes.count == 1 && axes.axes[0].stride == 1);
}

}  // namespace

void check_strides(const Part& part, bool is_written) {
    if (part.sizes.size() != part.strides.size() || part.sizes.size() > part_dims_max)
        fail(
            ErrorCode::usage,
            "work on a strided part: it has {} sizes and {} strides; equal numbers up to {} can be",
            part.sizes.size(), part.strides.size(), part_dims_max);
    std::size_t count = 1;
    for (const std::int64_t size : part.sizes) {
        if (size < 0) fail(ErrorCode::usage, "work on a strided part: a size is {}", size);
        if (__builtin_mul_overflow(count, static_cast<std::size_t>(size), &count))
            fail(ErrorCode::usage, "work on a strided part: its sizes multiply to too much");
    }
    if (count != part.count)
        fail(ErrorCode::usage,
             "work on a strided part: its sizes make {} elements, its count is {}", count,
             part.count);
    if (!is_written || count == 0) return;
    Axes axes(part);
    std::sort(axes.axes.begin(), axes.axes.begin() + axes.count,
              [](const Axis& a, const Axis& b) { return std::abs(a.stride) < std::abs(b.stride); });
    std::int64_t extent = 1;  // elements that the axes so far span
    for (std::size_t i = 0; i < axes.count; ++i) {
        const std::int64_t stride = std::abs(axes.axes[i].stride);
        if (stride < extent)
            fail(ErrorCode::usage,
                 "write to a strided part: its elements overlap; copy it, or give it whole");
        extent += stride * (axes.axes[i].size - 1);
    }
}

void pack(const Part& part, std::byte* to) {
    if (part.count == 0) return;
    const Axes axes(part);
    if (lies_side_by_side(axes)) {
        std::memcpy(to, part.data, part.bytes());
        return;
    }
    switch (size_of(part.dtype)) {
        case 1:
            return pack_elements<1>(part, axes, to);
        case 2:
            return pack_elements<2>(part, axes, to);
        case 4:
            return pack_elements<4>(part, axes, to);
        default:
            return pack_elements<8>(part, axes, to);
    }
}

void unpack(const std::byte* from, const Part& part) {
    if (part.count == 0) return;
    const Axes axes(part);
    if (lies_side_by_side(axes)) {
        std::memcpy(part.data, from, part.bytes());
        return;
    }
    switch (size_of(part.dtype)) {
        case 1:
            return unpack_elements<1>(from, part, axes);
        case 2:
            return unpack_elements<2>(from, part, axes);
        case 4:
            return unpack_elements<4>(from, part, axes);
        default:
            return unpack_elements<8>(from, part, axes);
    }
}

}  // namespace ipcrun
