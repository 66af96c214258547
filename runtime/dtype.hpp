// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The element types of tensors and operations.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ipcrun {

enum class Dtype : std::uint8_t { u8, i8, i16, i32, i64, f16, bf16, f32, f64 };
constexpr int dtype_count = 9;

constexpr std::size_t size_of(Dtype dtype) {
    constexpr std::size_t sizes[dtype_count] = {1, 1, 2, 4, 8, 2, 2, 4, 8};
    return sizes[static_cast<int>(dtype)];
}

constexpr std::string_view name_of(Dtype dtype) {
    constexpr std::string_view names[dtype_count] = {"u8",  "i8",   "i16", "i32", "i64",
                                                     "f16", "bf16", "f32", "f64"};
    return names[static_cast<int>(dtype)];
}

constexpr bool is_floating(Dtype dtype) {
    return dtype >= Dtype::f16;
}

}  // namespace ipcrun
