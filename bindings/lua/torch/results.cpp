// SPDX-License-Identifier: Apache-2.0
// Making tensors to put results in.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/torch/convert.hpp"

namespace ipcrun::lua {

namespace {

void set_shape(Tensor& tensor, const Shape& shape) {
    tensor.dims = shape.dims;
    std::copy_n(shape.sizes, shape.dims, tensor.sizes);
    set_contiguous_strides(shape, tensor.strides);
}

}  // namespace

void check_same_dtype(const char* name, Dtype a, Dtype b) {
    if (a != b)
        fail(ErrorCode::usage, "{}: {} and {} do not mix; convert one, for example with :typeAs()",
             name, tensor_name_of(a), tensor_name_of(b));
}

void allocate(lua_State* lua, Tensor& tensor, Dtype dtype, const Shape& shape) {
    StoragePtr storage = create_storage(lua, dtype, checked_count(shape));
    tensor.storage = std::move(storage);
    tensor.offset = 0;
    set_shape(tensor, shape);
}

void resize(lua_State* lua, Tensor& tensor, const Shape& shape) {
    if (shape_of(tensor) == shape) return;
    const std::int64_t count = checked_count(shape);
    const std::int64_t available = std::int64_t(tensor.storage->count()) - tensor.offset;
    if (count > available) {
        StoragePtr larger = create_storage(lua, tensor.dtype(), count);
        std::memcpy(larger->data(), tensor.data(),
                    std::size_t(available) * size_of(tensor.dtype()));
        tensor.storage = std::move(larger);
        tensor.offset = 0;
    }
    set_shape(tensor, shape);
}

void prepare_result(lua_State* lua, const char* name, Tensor& result, Dtype dtype,
                    const Shape& shape) {
    if (!result.storage) {
        allocate(lua, result, dtype, shape);
        return;
    }
    check_same_dtype(name, result.dtype(), dtype);
    resize(lua, result, shape);
    check_writable(view_of(result), name);
}

void prepare_target(lua_State* lua, const char* name, Tensor& result, bool is_operand, Dtype dtype,
                    const Shape& shape) {
    if (is_operand && !(shape_of(result) == shape))
        fail(ErrorCode::usage, "{}: a result of size {} does not fit into a tensor of size {}",
             name, format_shape(shape), format_shape(shape_of(result)));
    prepare_result(lua, name, result, dtype, shape);
}

Tensor& push_result(lua_State* lua, int index) {
    if (index == 0) return push_tensor(lua);
    lua_pushvalue(lua, index);
    return check_tensor(lua, -1);
}

const Tensor& push_held(lua_State* lua, int index) {
    Tensor& held = push_tensor(lua);
    held = check_tensor(lua, index);
    return held;
}

void set_view(Tensor& result, const Tensor& of, const View& view) {
    const std::int64_t bytes = view.data - of.storage->data();
    result.storage = of.storage;
    // A part of an empty tensor may lie outside; nothing is there to be addressed.
    result.offset = view.shape.count() == 0 ? 0 : bytes / std::int64_t(size_of(of.dtype()));
    result.dims = view.shape.dims;
    std::copy_n(view.shape.sizes, view.shape.dims, result.sizes);
    std::copy_n(view.strides, view.shape.dims, result.strides);
}

}  // namespace ipcrun::lua
