// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A Machine as bytes, and back from bytes that nobody vouches for.

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

Bytes encode(const Machine& machine);

/// Throws Error{protocol} for bytes that `encode` cannot have made, and for machines that fail
/// check_indices().
Machine decode_machine(std::span<const std::uint8_t> bytes);

/// Throws Error{protocol} unless all that a Machine promises of its indices and numbers holds: they
/// lie within their lists, parents stand before children, sizes are no negative numbers.
void check_indices(const Machine& machine);

}  // namespace ipcrun::topology
