// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Moving elements: copies, conversions between dtypes, and filling.

#include "bindings/lua/torch/scalar.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

/// Copies `from` to `to`, converting where the dtypes differ. The counts must be equal; where the
/// shapes differ the elements keep their row-major order. Throws.
void copy(const View& from, const View& to);

void fill(const View& to, const Scalar& scalar);

/// A contiguous copy with the given dtype.
Scratch converted(const View& view, Dtype dtype);

}  // namespace ipcrun::lua
