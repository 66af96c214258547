// SPDX-License-Identifier: Apache-2.0
// Rows picked by a LongTensor: index, indexCopy, indexAdd, indexFill.
#include <optional>

#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// The indices of a LongTensor, and the dimension they are for.
struct Rows {
    Rows(const View& view, const View& indices, int dim, const char* name)
        : list(converted(indices, Dtype::i64)), count(indices.shape.count()) {
        if (indices.dtype != Dtype::i64)
            fail(ErrorCode::usage, "{}: indices are a torch.LongTensor, not a {}", name,
                 tensor_name_of(indices.dtype));
        const std::int64_t size = view.shape.sizes[dim];
        for (std::int64_t i = 0; i < count; ++i)
            if ((*this)[i] < 0 || (*this)[i] >= size)
                fail(ErrorCode::usage, "{}: index {} out of range: dimension {} has size {}", name,
                     (*this)[i] + 1, dim + 1, size);
    }
    std::int64_t operator[](std::int64_t i) const {
        return reinterpret_cast<const std::int64_t*>(list.view.data)[i] - 1;
    }
    Scratch list;
    std::int64_t count;
};

/// t:index(dim, indices), torch.index([result,] t, dim, indices)
int index_method(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = call.is("TTNT") ? 2 : 1;
    if (source == 1 && !call.is("TNT"))
        raise_usage(lua, "index", "([result,] tensor, dimension, LongTensor)");
    const Tensor& self = check_tensor(lua, source);
    const int dim = check_dimension(lua, source + 1, self);
    const Tensor& indices = check_tensor(lua, source + 2);
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const StoragePtr held = self.storage;
        const View from = view_of(self);
        const Rows rows(from, view_of(indices), dim, "index");
        Shape shape = from.shape;
        shape.sizes[dim] = rows.count;
        prepare_result(lua, "index", result, from.dtype, shape);
        View from_row = from;
        from_row.shape.sizes[dim] = 1;
        View to_row = view_of(result);
        to_row.shape.sizes[dim] = 1;
        const std::int64_t item = std::int64_t(size_of(from.dtype));
        const bool as_bytes = dim == 0 && from_row.is_contiguous() && to_row.is_contiguous();
        const std::size_t row_bytes = std::size_t(from_row.shape.count() * item);
        for (std::int64_t i = 0; i < rows.count; ++i) {
            from_row.data = from.data + rows[i] * from.strides[dim] * item;
            if (as_bytes)
                std::memmove(to_row.data, from_row.data, row_bytes);
            else
                copy(from_row, to_row);
            to_row.data += to_row.strides[dim] * item;
        }
    });
    return 1;
}

enum class IndexWrite { copy, fill, add };

/// t:indexCopy(dim, indices, rows), t:indexAdd(dim, indices, rows), t:indexFill(dim, indices, x)
int index_write(lua_State* lua) {
    const Call call = begin_call(lua);
    const bool fills = IndexWrite(call.op) == IndexWrite::fill;
    const bool adds = IndexWrite(call.op) == IndexWrite::add;
    if (!call.is(fills ? "TNTN" : "TNTT"))
        raise_usage(lua, call.name,
                    fills ? "(tensor, dimension, LongTensor, number)"
                          : "(tensor, dimension, LongTensor, tensor)");
    Tensor& self = check_tensor(lua, 1);
    const int dim = check_dimension(lua, 2, self);
    const Tensor& indices = check_tensor(lua, 3);
    const Tensor* source = test_tensor(lua, 4);
    const Scalar value = fills ? check_element(lua, 4, self.dtype()) : Scalar();
    run(lua, [&] {
        View to = view_of(self);
        check_writable(to, call.name);
        const Rows rows(to, view_of(indices), dim, call.name);
        View to_row = to;
        to_row.shape.sizes[dim] = 1;
        View from_row;
        std::optional<Scratch> own;  // the rows, where they lie in the memory that is written
        if (!fills) {
            from_row = view_of(*source);
            if (adds) check_same_dtype(call.name, to.dtype, from_row.dtype);
            if (overlap(from_row, to)) from_row = own.emplace(converted(from_row, to.dtype)).view;
            Shape expected = to.shape;
            expected.sizes[dim] = rows.count;
            if (!(from_row.shape == expected))
                fail(ErrorCode::usage, "{}: expected a tensor of size {}, got {}", call.name,
                     format_shape(expected), format_shape(from_row.shape));
            from_row.shape.sizes[dim] = 1;
        }
        for (std::int64_t i = 0; i < rows.count; ++i) {
            to_row.data = to.data + rows[i] * to.strides[dim] * std::int64_t(size_of(to.dtype));
            if (fills) {
                fill(to_row, value);
                continue;
            }
            if (adds)
                binary(BinaryOp::add, to_row, to_row, from_row);
            else
                copy(from_row, to_row);
            from_row.data += from_row.strides[dim] * std::int64_t(size_of(from_row.dtype));
        }
    });
    lua_settop(lua, 1);
    return 1;
}

}  // namespace

void register_index_methods(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"index", index_method},
        {"indexSelect", index_method},
        {"indexCopy", index_write, int(IndexWrite::copy), Entry::method_only},
        {"indexFill", index_write, int(IndexWrite::fill), Entry::method_only},
        {"indexAdd", index_write, int(IndexWrite::add), Entry::method_only},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
