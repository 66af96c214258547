// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Numbers of operations run over; those that are compared are less than 2^31 apart.

#include <cstdint>

namespace ipcrun {

constexpr bool is_before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace ipcrun
