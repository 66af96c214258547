// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What both ends of a parcel know of its bytes.
///   block   elements (8 bytes), dtype (1)
///   tensor  block (4), offset within it in elements (8), dimensions (1), whether it is contiguous
///           (1), sizes (8 each); strides (8 each) when it is not
///   footer  bytes of the description (8), blocks (4), tensors (4), parcel_magic (4)

#include <cstddef>
#include <cstdint>

namespace ipcrun::lua {

constexpr std::uint32_t parcel_magic = 0x3163'7069;
constexpr std::size_t parcel_footer_bytes = 20;
constexpr std::size_t block_record_bytes = 9;
constexpr std::size_t tensor_record_bytes_min = 14;
/// A tensor or a storage: a tag and an index.
constexpr std::size_t simple_tokens_bytes = 5;

}  // namespace ipcrun::lua
