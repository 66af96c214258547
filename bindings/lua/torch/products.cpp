// SPDX-License-Identifier: Apache-2.0
// Matrix products as scripts call them.
#include <algorithm>
#include <optional>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/product.hpp"
#include "bindings/lua/torch/reduce.hpp"

namespace ipcrun::lua {

namespace {

enum class Kind {
    matrix_matrix,
    matrix_vector,
    outer,
    batch,      ///< as many products of matrices as there are
    batch_sum,  ///< and their sum
};

constexpr const char* usages[] = {"([result,] [beta,] M, [alpha,] matrix, matrix)",
                                  "([result,] [beta,] v, [alpha,] matrix, vector)",
                                  "([result,] [beta,] M, [alpha,] vector, vector)",
                                  "([result,] [beta,] batch, [alpha,] batch, batch)",
                                  "([result,] [beta,] M, [alpha,] batch, batch)"};
constexpr int left_dims[] = {2, 2, 1, 3, 3};
constexpr int right_dims[] = {2, 1, 1, 3, 3};

/// A vector as a matrix: one column, or one row.
View as_matrix(View view, bool as_row) {
    if (view.shape.dims == 2) return view;
    const std::int64_t size = view.shape.sizes[0];
    const std::int64_t stride = view.strides[0];
    view.shape = as_row ? Shape{2, {1, size}} : Shape{2, {size, 1}};
    view.strides[0] = as_row ? size : stride;
    view.strides[1] = as_row ? stride : 1;
    return view;
}

struct Product {
    Kind kind;
    const char* name;
    Scalar beta = Scalar::of(std::int64_t(1));
    Scalar alpha = Scalar::of(std::int64_t(1));
    const Tensor* added = nullptr;  ///< null: nothing is added
    const Tensor* left = nullptr;
    const Tensor* right = nullptr;
};

/// The shape of the product of the operands. Throws usage when they do not fit.
Shape product_shape(const Product& product, const View& left, const View& right) {
    const int kind = int(product.kind);
    if (left.shape.dims != left_dims[kind] || right.shape.dims != right_dims[kind])
        fail(ErrorCode::usage,
             "{}: expected operands with {} and {} dimensions, got sizes {} and {}", product.name,
             left_dims[kind], right_dims[kind], format_shape(left.shape),
             format_shape(right.shape));
    if (product.kind == Kind::outer) return {2, {left.shape.sizes[0], right.shape.sizes[0]}};
    const int rows_at = left.shape.dims == 3 ? 1 : 0;  // behind the number in the batch
    const std::int64_t* sizes = left.shape.sizes + rows_at;
    const std::int64_t* right_sizes = right.shape.sizes + rows_at;
    if (rows_at == 1 && left.shape.sizes[0] != right.shape.sizes[0])
        fail(ErrorCode::usage, "{}: sizes {} and {} do not fit: {} and {} matrices", product.name,
             format_shape(left.shape), format_shape(right.shape), left.shape.sizes[0],
             right.shape.sizes[0]);
    if (sizes[1] != right_sizes[0])
        fail(ErrorCode::usage, "{}: sizes {} and {} do not fit: {} columns and {} rows",
             product.name, format_shape(left.shape), format_shape(right.shape), sizes[1],
             right_sizes[0]);
    if (product.kind == Kind::batch) return {3, {left.shape.sizes[0], sizes[0], right_sizes[1]}};
    if (product.kind == Kind::batch_sum) return {2, {sizes[0], right_sizes[1]}};
    if (product.kind == Kind::matrix_vector) return {1, {left.shape.sizes[0]}};
    return {2, {left.shape.sizes[0], right.shape.sizes[1]}};
}

/// Matrix `index` of a batch.
View matrix_of(const View& batch, std::int64_t index) {
    View view = batch;
    view.data += index * batch.strides[0] * std::int64_t(size_of(batch.dtype));
    view.shape = {2, {batch.shape.sizes[1], batch.shape.sizes[2]}};
    std::copy_n(batch.strides + 1, 2, view.strides);
    return view;
}

/// out[i] = beta * out[i] + alpha * left[i] * right[i]; or all of them into one `out`.
void multiply_batch(Blas& blas, const Product& product, const View& out, Scalar beta, View left,
                    View right) {
    const bool sums = product.kind == Kind::batch_sum;
    const std::int64_t count = left.shape.sizes[0];
    if (sums && count == 0) {  // a product of nothing, for what beta does
        const Scratch no_columns(out.dtype, {2, {out.shape.sizes[0], 0}});
        const Scratch no_rows(out.dtype, {2, {0, out.shape.sizes[1]}});
        return multiply(blas, out, beta, product.alpha, no_columns.view, no_rows.view);
    }
    // The operands of a later product must not be the result of an earlier one.
    std::optional<Scratch> own_left;
    std::optional<Scratch> own_right;
    if (overlap(left, out)) left = own_left.emplace(converted(left, left.dtype)).view;
    if (overlap(right, out)) right = own_right.emplace(converted(right, right.dtype)).view;
    for (std::int64_t i = 0; i < count; ++i) {
        multiply(blas, sums ? out : matrix_of(out, i), beta, product.alpha, matrix_of(left, i),
                 matrix_of(right, i));
        if (sums) beta = Scalar::of(std::int64_t(1));
    }
}

void compute(lua_State* lua, Tensor& result, const Product& product) {
    // `result` may be one of the operands and be resized: their storages are held here.
    const StoragePtr held[] = {product.left->storage, product.right->storage};
    const View left = view_of(*product.left);
    const View right = view_of(*product.right);
    check_same_dtype(product.name, left.dtype, right.dtype);
    const Shape shape = product_shape(product, left, right);
    Scalar beta = Scalar::of(std::int64_t(0));
    if (product.added != nullptr) {
        const StoragePtr added_storage = product.added->storage;
        const View added = view_of(*product.added);
        check_same_dtype(product.name, added.dtype, left.dtype);
        if (product.added == &result && !(added.shape == shape))
            fail(ErrorCode::usage, "{}: a product of size {} does not fit into a tensor of size {}",
                 product.name, format_shape(shape), format_shape(added.shape));
        beta = product.beta;
        prepare_result(lua, product.name, result, left.dtype, shape);
        if (product.added != &result)
            copy(converted(expand(added, shape, product.name), added.dtype).view, view_of(result));
    } else {
        prepare_result(lua, product.name, result, left.dtype, shape);
    }
    if (left.shape.dims == 3)
        return multiply_batch(context(lua).blas, product, view_of(result), beta, left, right);
    const bool is_outer = product.kind == Kind::outer;
    multiply(context(lua).blas, as_matrix(view_of(result), false), beta, product.alpha,
             as_matrix(left, false), as_matrix(right, is_outer));
}

/// torch.mm([result,] a, b), r:mm(a, b); likewise mv, ger and bmm
int plain_product(lua_State* lua) {
    const Call call = begin_call(lua);
    const int first = call.is("TTT") ? 2 : 1;
    if (!call.is("TTT") && (!call.is("TT") || call.is_method))
        raise_usage(lua, call.name,
                    call.is_method ? "(result, tensor, tensor)" : "([result,] tensor, tensor)");
    Product product{.kind = Kind(call.op), .name = call.name};
    product.left = &check_tensor(lua, first);
    product.right = &check_tensor(lua, first + 1);
    Tensor& result = push_result(lua, first - 1);
    run(lua, [&] { compute(lua, result, product); });
    return 1;
}

/// addmm([result,] [beta,] M, [alpha,] a, b); the method's tensor is the result and, when it is not
/// given, M. As in torch7 M:addmm(x, a, b) takes x as alpha.
int added_product(lua_State* lua) {
    const Call call = begin_call(lua);
    const char* kinds = call.pattern;
    const std::ptrdiff_t tensors = std::count(kinds, kinds + std::strlen(kinds), 'T');
    const int count = int(std::strlen(kinds));
    Product product{.kind = Kind(call.op), .name = call.name};
    int next = 1;
    int result_index = 0;
    const bool has_result = tensors == 4 || call.is_method;
    const bool bad = std::strchr(kinds, '?') != nullptr || tensors < 3 || tensors > 4 ||
                     (has_result && kinds[0] != 'T');
    if (bad) raise_usage(lua, call.name, usages[call.op]);
    if (has_result) result_index = next++;
    if (tensors == 4 || !call.is_method) {
        if (kinds[next - 1] == 'N') product.beta = to_scalar(lua, next++);
        product.added = test_tensor(lua, next++);
        if (product.added != nullptr && kinds[next - 1] == 'N')
            product.alpha = to_scalar(lua, next++);
    } else {
        product.added = &check_tensor(lua, 1);
        if (count == 5) product.beta = check_scalar(lua, next++);
        if (count >= 4) product.alpha = check_scalar(lua, next++);
    }
    if (product.added == nullptr || next + 1 != count || kinds[next - 1] != 'T' ||
        kinds[next] != 'T')
        raise_usage(lua, call.name, usages[call.op]);
    product.left = &check_tensor(lua, next);
    product.right = &check_tensor(lua, next + 1);
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] { compute(lua, result, product); });
    return 1;
}

int dot(lua_State* lua) {
    const Tensor& a = check_tensor(lua, 1);
    const Tensor& b = check_tensor(lua, 2);
    Scalar result;
    run(lua, [&] {
        check_same_dtype("dot", a.dtype(), b.dtype());
        if (a.count() != b.count())
            fail(ErrorCode::usage, "dot: sizes {} and {} have different numbers of elements",
                 format_shape(shape_of(a)), format_shape(shape_of(b)));
        const bool same = shape_of(a) == shape_of(b);
        const Tensor flat_a = same ? a : contiguous(lua, a);
        const Tensor flat_b = same ? b : contiguous(lua, b);
        View left = view_of(flat_a);
        View right = view_of(flat_b);
        if (!same) {
            left.shape = right.shape = {1, {a.count()}};
            left.strides[0] = right.strides[0] = 1;
        }
        const Scratch sum = inner_product(left, right);
        result = load_element(sum.view.dtype, sum.view.data);
    });
    push_scalar(lua, result);
    return 1;
}

}  // namespace

int multiply_operator(lua_State* lua) {
    const Tensor* left = test_tensor(lua, 1);
    const Tensor* right = test_tensor(lua, 2);
    if (left == nullptr || right == nullptr) {
        lua_settop(lua, 2);
        lua_pushvalue(lua, lua_upvalueindex(1));
        lua_insert(lua, 1);
        lua_call(lua, 2, 1);
        return 1;
    }
    if (left->dims == 1 && right->dims == 1) return dot(lua);
    const bool fits = left->dims == 2 && (right->dims == 1 || right->dims == 2);
    if (!fits)
        return luaL_error(
            lua,
            "a * b is the matrix product, for 2 and 2, 2 and 1, or 1 and 1 dimensions, "
            "not %d and %d; use torch.cmul(a, b) for the product of elements",
            left->dims, right->dims);
    Product product{.kind = right->dims == 2 ? Kind::matrix_matrix : Kind::matrix_vector,
                    .name = "*"};
    product.left = left;
    product.right = right;
    Tensor& result = push_tensor(lua);
    run(lua, [&] { compute(lua, result, product); });
    return 1;
}

void register_products(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"mm", plain_product, int(Kind::matrix_matrix)},
        {"mv", plain_product, int(Kind::matrix_vector)},
        {"ger", plain_product, int(Kind::outer)},
        {"bmm", plain_product, int(Kind::batch)},
        {"baddbmm", added_product, int(Kind::batch)},
        {"addbmm", added_product, int(Kind::batch_sum)},
        {"addmm", added_product, int(Kind::matrix_matrix)},
        {"addmv", added_product, int(Kind::matrix_vector)},
        {"addr", added_product, int(Kind::outer)},
        {"dot", dot},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
