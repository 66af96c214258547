// SPDX-License-Identifier: Apache-2.0
// t:gather(dim, index) and t:scatter(dim, index, values): one index for every element.
#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

/// Throws unless `index` is a LongTensor that fits `of`: as many dimensions, and no larger ones
/// except along `dim`.
void check_indices(const char* name, const View& index, const View& of, int dim) {
    if (index.dtype != Dtype::i64)
        fail(ErrorCode::usage, "{}: indices are a torch.LongTensor, not a {}", name,
             tensor_name_of(index.dtype));
    bool fits = index.shape.dims == of.shape.dims;
    for (int d = 0; fits && d < of.shape.dims; ++d)
        fits = d == dim || index.shape.sizes[d] <= of.shape.sizes[d];
    if (!fits)
        fail(ErrorCode::usage, "{}: indices of size {} do not fit a tensor of size {} along {}",
             name, format_shape(index.shape), format_shape(of.shape), dim + 1);
}

/// Calls `visit(element of many, element of one)` for every index: `many` is what is indexed along
/// `dim`; `one` has the shape of the indices. Throws when an index is out of range.
template <typename Visit>
void for_each_indexed(const char* name, const View& index, const View& many, const View& one,
                      int dim, Visit&& visit) {
    const std::int64_t size = many.shape.sizes[dim];
    const std::int64_t many_item = std::int64_t(size_of(many.dtype));
    const std::int64_t one_item = std::int64_t(size_of(one.dtype));
    // Seen at index 1 of `dim` everywhere: the index itself adds the rest.
    View starts = many;
    starts.shape = index.shape;
    starts.strides[dim] = 0;
    const Walk walk = plan_walk({&index, &one, &starts});
    for_each_run(walk, [&](std::byte* const* data, const std::int64_t* strides, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) {
            const auto at = reinterpret_cast<const std::int64_t*>(data[0])[i * strides[0]] - 1;
            if (at < 0 || at >= size)
                fail(ErrorCode::usage, "{}: index {} out of range: dimension {} has size {}", name,
                     at + 1, dim + 1, size);
            visit(data[2] + (i * strides[2] + at * many.strides[dim]) * many_item,
                  data[1] + i * strides[1] * one_item);
        }
    });
}

/// Integers wrap.
void add_element(Dtype dtype, std::byte* to, const std::byte* value) {
    const Scalar a = load_element(dtype, to);
    const Scalar b = load_element(dtype, value);
    store_element(
        dtype, to,
        a.is_integer ? Scalar::of(std::int64_t(std::uint64_t(a.integer) + std::uint64_t(b.integer)))
                     : Scalar::of(a.real + b.real));
}

/// gather([result,] t, dim, index): result[i][j] = t[index[i][j]][j] for dim 1
int gather(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = call.is("TTNT") ? 2 : 1;
    if (source == 1 && !call.is("TNT"))
        raise_usage(lua, "gather", "([result,] tensor, dimension, LongTensor)");
    const Tensor& self = check_tensor(lua, source);
    const int dim = check_dimension(lua, source + 1, self);
    const Tensor& given = check_tensor(lua, source + 2);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View from = view_of(self);
        const View index = view_of(given);
        check_indices("gather", index, from, dim);
        const Scratch picked(from.dtype, index.shape);
        const std::size_t item = size_of(from.dtype);
        for_each_indexed("gather", index, from, picked.view, dim,
                         [&](std::byte* many, std::byte* one) { std::memcpy(one, many, item); });
        prepare_result(lua, "gather", result, from.dtype, index.shape);
        copy(picked.view, view_of(result));
    });
    return 1;
}

/// t:scatter(dim, index, values): t[index[i][j]][j] = values[i][j] for dim 1; or one number.
/// t:scatterAdd(dim, index, values) adds to what is there.
int scatter(lua_State* lua) {
    const Call call = begin_call(lua);
    const bool adds = call.op == 1;
    const char* kinds = call.pattern;
    if (std::strcmp(kinds, "TNTT") != 0 && (adds || std::strcmp(kinds, "TNTN") != 0))
        raise_usage(lua, call.name,
                    adds ? "(tensor, dimension, LongTensor, tensor)"
                         : "(tensor, dimension, LongTensor, tensor or number)");
    Tensor& self = check_tensor(lua, 1);
    const int dim = check_dimension(lua, 2, self);
    const Tensor& given = check_tensor(lua, 3);
    const Tensor* values = test_tensor(lua, 4);
    const Scalar number = values == nullptr ? check_element(lua, 4, self.dtype()) : Scalar();
    run(lua, [&] {
        const View to = view_of(self);
        check_writable(to, call.name);
        // A copy where the values, or the indices, are in the memory that is written.
        const Scratch index = converted(view_of(given), view_of(given).dtype);
        check_indices(call.name, index.view, to, dim);
        View from;
        Element element = to_element(number, to.dtype);
        if (values != nullptr) {
            check_same_dtype(call.name, values->dtype(), to.dtype);
            if (!(shape_of(*values) == index.view.shape))
                fail(ErrorCode::usage, "{}: values of size {} for indices of size {}", call.name,
                     format_shape(shape_of(*values)), format_shape(index.view.shape));
            from = view_of(*values);
        } else {
            from.dtype = to.dtype;
            from.data = element.bytes;
            from.shape = index.view.shape;
        }
        const Scratch source = converted(from, to.dtype);
        const std::size_t item = size_of(to.dtype);
        for_each_indexed(call.name, index.view, to, source.view, dim,
                         [&](std::byte* many, std::byte* one) {
                             if (adds)
                                 add_element(to.dtype, many, one);
                             else
                                 std::memcpy(many, one, item);
                         });
    });
    lua_settop(lua, 1);
    return 1;
}

}  // namespace

void register_gather(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"gather", gather},
        {"scatter", scatter, 0},
        {"scatterAdd", scatter, 1},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
