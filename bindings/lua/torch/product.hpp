// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Matrix products: f32 and f64 through BLAS, integers (which wrap) through Eigen, f16 and bf16 in
/// float, rounded once.

#include "bindings/lua/torch/blas.hpp"
#include "bindings/lua/torch/scalar.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

/// c = beta * c + alpha * a * b for matrices (two dimensions each) of one dtype. Any strides; what
/// BLAS can take, transposed operands too, is not copied. With beta 0 the old `c` is not read. `c`
/// may overlap the operands. Throws usage when the sizes do not fit.
void multiply(Blas& blas, const View& c, const Scalar& beta, const Scalar& alpha, const View& a,
              const View& b);

}  // namespace ipcrun::lua
