// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/product.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/elements.hpp"

namespace ipcrun::lua {

namespace {

constexpr std::int64_t blas_int_max = std::numeric_limits<int>::max();

View transpose(View view) {
    std::swap(view.shape.sizes[0], view.shape.sizes[1]);
    std::swap(view.strides[0], view.strides[1]);
    return view;
}

/// A matrix as BLAS takes it: rows (or columns, when transposed) without gaps inside.
struct Layout {
    bool possible = false;
    bool transposed = false;
    std::int64_t leading = 0;  ///< elements from one row (column) to the next
};

Layout row_layout(const View& m) {
    const std::int64_t rows = m.shape.sizes[0];
    const std::int64_t columns = m.shape.sizes[1];
    // The stride along a dimension of size 1 is never used.
    const std::int64_t leading = rows == 1 ? columns : m.strides[0];
    const bool possible = (columns == 1 || m.strides[1] == 1) &&
                          leading >= std::max<std::int64_t>(columns, 1) && leading <= blas_int_max;
    return {possible, false, leading};
}

Layout layout_of(const View& m) {
    const Layout rows = row_layout(m);
    if (rows.possible) return rows;
    Layout columns = row_layout(transpose(m));
    columns.transposed = true;
    return columns;
}

/// An operand, copied only when BLAS cannot take it or the result overlaps it.
class Matrix {
  public:
    Matrix(const View& given, const View& result) : view_(given), layout_(layout_of(given)) {
        if (layout_.possible && !overlap(given, result)) return;
        copy_.emplace(converted(given, given.dtype));
        view_ = copy_->view;
        layout_ = layout_of(view_);
        if (!layout_.possible)
            fail(ErrorCode::unsupported,
                 "multiply: a row of {} elements is more than BLAS can take", given.shape.sizes[1]);
    }
    const View& view() const { return view_; }
    int leading() const { return int(layout_.leading); }
    Blas::Transpose transposed() const {
        return layout_.transposed ? Blas::transposed : Blas::as_it_is;
    }

  private:
    View view_;
    Layout layout_;
    std::optional<Scratch> copy_;
};

template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename T>
auto matrix_map(const View& view) {
    using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    return Eigen::Map<RowMajor<T>, 0, Stride>(reinterpret_cast<T*>(view.data), view.shape.sizes[0],
                                              view.shape.sizes[1],
                                              Stride(view.strides[0], view.strides[1]));
}

template <typename T>
void eigen_multiply(const View& c, T beta, T alpha, const View& a, const View& b) {
    const RowMajor<T> product = matrix_map<T>(a) * matrix_map<T>(b);
    auto result = matrix_map<T>(c);
    if (beta == T(0))
        result = alpha * product;
    else
        result = beta * result + alpha * product;
}

template <typename T>
void blas_multiply(Blas::Gemm<T> gemm, Blas::Gemv<T> gemv, const View& c, T beta, T alpha,
                   const View& a, const View& b) {
    const Matrix left(a, c);
    const Matrix right(b, c);
    const int m = int(c.shape.sizes[0]);
    const int n = int(c.shape.sizes[1]);
    const int k = int(a.shape.sizes[1]);
    const T* a_data = reinterpret_cast<const T*>(left.view().data);
    const T* b_data = reinterpret_cast<const T*>(right.view().data);
    T* c_data = reinterpret_cast<T*>(c.data);
    const std::int64_t x_step = right.view().strides[0];
    const std::int64_t y_step = c.strides[0];
    if (n == 1 && m > 1 && k > 1 && x_step > 0 && x_step <= blas_int_max &&
        y_step <= blas_int_max) {
        const bool flip = left.transposed() == Blas::transposed;
        gemv(Blas::row_major, left.transposed(), flip ? k : m, flip ? m : k, alpha, a_data,
             left.leading(), b_data, int(x_step), beta, c_data, int(y_step));
        return;
    }
    gemm(Blas::row_major, left.transposed(), right.transposed(), m, n, k, alpha, a_data,
         left.leading(), b_data, right.leading(), beta, c_data, int(row_layout(c).leading));
}

/// f32 or f64, nothing empty, and every size in BLAS's range.
template <typename T>
void multiply_real(Blas& blas, const View& c, T beta, T alpha, const View& a, const View& b) {
    blas.load();
    if (blas.sgemm == nullptr) return eigen_multiply<T>(c, beta, alpha, a, b);
    if (!row_layout(c).possible && row_layout(transpose(c)).possible)
        // The transpose of the result is a product too, and lies as BLAS wants it.
        return multiply_real<T>(blas, transpose(c), beta, alpha, transpose(b), transpose(a));
    if (!row_layout(c).possible) {
        Scratch result = converted(c, c.dtype);
        multiply_real<T>(blas, result.view, beta, alpha, a, b);
        return copy(result.view, c);
    }
    const Blas::Use use;
    if constexpr (std::is_same_v<T, float>)
        blas_multiply<float>(blas.sgemm, blas.sgemv, c, beta, alpha, a, b);
    else
        blas_multiply<double>(blas.dgemm, blas.dgemv, c, beta, alpha, a, b);
}

/// In f32, or for integers in i64: the low bits of a wrapped product do not depend on the width.
void multiply_converted(Blas& blas, Dtype wide, const View& c, const Scalar& beta,
                        const Scalar& alpha, const View& a, const View& b) {
    Scratch result = converted(c, wide);
    const Scratch left = converted(a, wide);
    const Scratch right = converted(b, wide);
    if (wide == Dtype::f32)
        multiply(blas, result.view, beta, alpha, left.view, right.view);
    else
        eigen_multiply<std::uint64_t>(result.view, std::uint64_t(to_type<std::int64_t>(beta)),
                                      std::uint64_t(to_type<std::int64_t>(alpha)), left.view,
                                      right.view);
    copy(result.view, c);
}

void check_sizes(const View& c, const View& a, const View& b) {
    const std::int64_t* m = a.shape.sizes;
    const std::int64_t* n = b.shape.sizes;
    if (m[1] != n[0] || c.shape.sizes[0] != m[0] || c.shape.sizes[1] != n[1])
        fail(ErrorCode::usage, "product: sizes {} and {} do not give {}", format_shape(a.shape),
             format_shape(b.shape), format_shape(c.shape));
    for (const std::int64_t size : {m[0], m[1], n[1]})
        if (size > blas_int_max)
            fail(ErrorCode::unsupported, "product: a size of {} is more than BLAS can take", size);
}

}  // namespace

void multiply(Blas& blas, const View& c, const Scalar& beta, const Scalar& alpha, const View& a,
              const View& b) {
    check_sizes(c, a, b);
    if (c.shape.count() == 0) return;
    if (a.shape.sizes[1] == 0) {  // a sum of nothing; BLAS libraries differ in what they do then
        if (beta.real == 0) return fill(c, Scalar::of(std::int64_t(0)));
        View scale;
        Element element = to_element(beta, c.dtype);
        scale.dtype = c.dtype;
        scale.data = element.bytes;
        scale.shape = {1, {1}};
        return binary(BinaryOp::mul, c, c, expand(scale, c.shape, "product"));
    }
    if (c.dtype == Dtype::f32)
        return multiply_real<float>(blas, c, to_type<float>(beta), to_type<float>(alpha), a, b);
    if (c.dtype == Dtype::f64)
        return multiply_real<double>(blas, c, to_type<double>(beta), to_type<double>(alpha), a, b);
    multiply_converted(blas, is_floating(c.dtype) ? Dtype::f32 : Dtype::i64, c, beta, alpha, a, b);
}

}  // namespace ipcrun::lua
