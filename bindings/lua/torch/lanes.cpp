// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/lanes.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/elements.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

/// The first element of every lane.
View lane_starts(View view, int dim) {
    view.shape.sizes[dim] = 1;
    return view;
}

/// Calls `lane(first, out0, out1)` for the start of every lane along `dim`.
template <typename Lane>
void for_each_lane(const View& in, const View& out0, const View& out1, int dim, Lane&& lane) {
    if (in.shape.count() == 0) return;
    const View starts[3] = {lane_starts(in, dim), lane_starts(out0, dim), lane_starts(out1, dim)};
    const Walk walk = plan_walk({&starts[0], &starts[1], &starts[2]});
    const std::int64_t item[3] = {std::int64_t(size_of(in.dtype)),
                                  std::int64_t(size_of(out0.dtype)),
                                  std::int64_t(size_of(out1.dtype))};
    for_each_run(walk, [&](std::byte* const* data, const std::int64_t* strides, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i)
            lane(data[0] + i * strides[0] * item[0], data[1] + i * strides[1] * item[1],
                 data[2] + i * strides[2] * item[2]);
    });
}

template <typename T>
auto comparable(T value) {
    if constexpr (is_half<T>)
        return static_cast<float>(value);
    else
        return value;
}

/// Less (or greater), with every NaN behind every number: a strict weak order.
template <typename T>
bool stands_before(T a, T b, bool descending) {
    const auto x = comparable(a);
    const auto y = comparable(b);
    if (x != x || y != y) return x == x && y != y;
    return descending ? x > y : x < y;
}

/// The place of the extreme, or of the first NaN.
template <typename T>
std::int64_t any_extreme(bool largest, const T* lane, std::int64_t stride, std::int64_t size) {
    std::int64_t place = 0;
    auto best = comparable(lane[0]);
    for (std::int64_t i = 1; i < size && best == best; ++i) {
        const auto candidate = comparable(lane[i * stride]);
        if ((largest ? candidate > best : candidate < best) || candidate != candidate) {
            best = candidate;
            place = i;
        }
    }
    return place;
}

/// The place of the extreme in a lane without gaps or NaN: found as a value, in vectors, then
/// located.
template <typename T>
std::int64_t unit_extreme(bool largest, const T* lane, std::int64_t size) {
    const auto run = unit_run<T>(reinterpret_cast<const std::byte*>(lane), size);
    const T best = largest ? run.maxCoeff() : run.minCoeff();
    return std::find(lane, lane + size, best) - lane;
}

/// Whether to leave the lane to the careful loop: a NaN makes the sum one (so may infinities).
template <typename T>
bool may_hold_nan(const T* lane, std::int64_t size) {
    return !std::isfinite(unit_run<T>(reinterpret_cast<const std::byte*>(lane), size).sum());
}

}  // namespace

void extreme(bool largest, const View& in, int dim, const View& values, const View& indices) {
    const std::int64_t size = in.shape.sizes[dim];
    const std::int64_t stride = in.strides[dim];
    visit_any(in.dtype, [&]<typename T>(std::type_identity<T>) {
        const auto find_place = [&](const T* lane) -> std::int64_t {
            if constexpr (std::is_floating_point_v<T>)
                if (stride == 1 && size >= 16 && !may_hold_nan(lane, size))
                    return unit_extreme(largest, lane, size);
            return any_extreme(largest, lane, stride, size);
        };
        for_each_lane(in, values, indices, dim,
                      [&](std::byte* from, std::byte* value, std::byte* at) {
                          const T* lane = reinterpret_cast<const T*>(from);
                          const std::int64_t place = find_place(lane);
                          *reinterpret_cast<T*>(value) = lane[place * stride];
                          *reinterpret_cast<std::int64_t*>(at) = place + 1;
                      });
    });
}

void sort(bool descending, const View& in, int dim, const View& values, const View& indices) {
    const std::int64_t size = in.shape.sizes[dim];
    visit_any(in.dtype, [&]<typename T>(std::type_identity<T>) {
        std::vector<T> lane(static_cast<std::size_t>(size));
        std::vector<std::int64_t> order(static_cast<std::size_t>(size));
        for_each_lane(
            in, values, indices, dim, [&](std::byte* from, std::byte* value, std::byte* at) {
                for (std::int64_t i = 0; i < size; ++i)
                    lane[i] = reinterpret_cast<const T*>(from)[i * in.strides[dim]];
                std::iota(order.begin(), order.end(), 0);
                std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
                    return stands_before(lane[a], lane[b], descending);
                });
                for (std::int64_t i = 0; i < size; ++i) {
                    reinterpret_cast<T*>(value)[i * values.strides[dim]] = lane[order[i]];
                    reinterpret_cast<std::int64_t*>(at)[i * indices.strides[dim]] = order[i] + 1;
                }
            });
    });
}

void find_modes(const View& sorted, const View& places, int dim, const View& values,
                const View& indices) {
    const std::int64_t size = sorted.shape.sizes[dim];
    const std::int64_t stride = sorted.strides[dim];
    visit_any(sorted.dtype, [&]<typename T>(std::type_identity<T>) {
        for_each_lane(
            sorted, values, indices, dim, [&](std::byte* from, std::byte* value, std::byte* at) {
                const T* lane = reinterpret_cast<const T*>(from);
                // Both scratches lie alike: the same offset leads to the places.
                const auto* place = reinterpret_cast<const std::int64_t*>(places.data) +
                                    (lane - reinterpret_cast<const T*>(sorted.data));
                std::int64_t best_end = 0;
                std::int64_t best_length = 0;
                std::int64_t begin = 0;
                for (std::int64_t i = 1; i <= size; ++i) {
                    const bool goes_on =
                        i < size && !stands_before(lane[begin * stride], lane[i * stride], false);
                    if (goes_on) continue;
                    if (i - begin > best_length) {
                        best_length = i - begin;
                        best_end = i - 1;
                    }
                    begin = i;
                }
                const T most = lane[best_end * stride];
                const std::int64_t last = place[best_end * places.strides[dim]];
                *reinterpret_cast<T*>(value) = most;
                *reinterpret_cast<std::int64_t*>(at) = last;
            });
    });
}

void accumulate_along(bool product, const View& in, int dim, const View& out) {
    const std::int64_t size = in.shape.sizes[dim];
    const std::int64_t in_stride = in.strides[dim];
    const std::int64_t out_stride = out.strides[dim];
    visit_any(in.dtype, [&]<typename T>(std::type_identity<T>) {
        using A = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
        for_each_lane(in, out, out, dim, [&](std::byte* from, std::byte* to, std::byte*) {
            A running = product ? A(1) : A(0);
            for (std::int64_t i = 0; i < size; ++i) {
                const A value = convert<A>(reinterpret_cast<const T*>(from)[i * in_stride]);
                running = product ? running * value : running + value;
                reinterpret_cast<T*>(to)[i * out_stride] = convert<T>(running);
            }
        });
    });
}

}  // namespace ipcrun::lua
