// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/tensor.hpp"

#include <algorithm>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

namespace {

/// Lua sees a tensor as a few hundred bytes and would let megabytes of garbage wait. Whenever this
/// much storage was created, the collector is told.
constexpr std::size_t report_bytes = std::size_t(16) << 20;

}  // namespace

std::int64_t Tensor::count() const {
    return count_elements(dims, sizes);
}

bool Tensor::is_contiguous() const {
    return lie_contiguously(dims, sizes, strides);
}

Tensor* test_tensor(lua_State* lua, int index) {
    auto* tensor = static_cast<Tensor*>(luaL_testudata(lua, index, tensor_metatable));
    // One that was filled in never loses its storage, except to the collector.
    return tensor != nullptr && tensor->storage ? tensor : nullptr;
}

Tensor& check_tensor(lua_State* lua, int index) {
    Tensor* tensor = test_tensor(lua, index);
    if (tensor == nullptr) raise_expected(lua, index, "a tensor");
    return *tensor;
}

void report_memory(lua_State* lua, std::size_t least) {
    Context& shared = context(lua);
    if (shared.unreported_bytes < least) return;
    const std::size_t kib = std::min(shared.unreported_bytes, std::size_t(1) << 30) / 1024;
    shared.unreported_bytes = 0;
    lua_gc(lua, LUA_GCSTEP, int(kib));
}

void require_torch(lua_State* lua) {
    luaL_checkstack(lua, 3, "too many values");
    const bool is_there = luaL_getmetatable(lua, tensor_metatable) != LUA_TNIL;
    lua_pop(lua, 1);
    if (is_there) return;
    lua_getglobal(lua, "require");
    lua_pushliteral(lua, "torch");
    lua_call(lua, 1, 0);
}

Tensor& push_tensor(lua_State* lua) {
    require_torch(lua);
    report_memory(lua, report_bytes);
    return create_userdata<Tensor>(lua, tensor_metatable);
}

StoragePtr create_storage(lua_State* lua, Dtype dtype, std::int64_t count) {
    Context& shared = context(lua);
    StoragePtr storage = Storage::create(shared.heap, dtype, std::size_t(count));
    storage->note(shared.number);
    shared.unreported_bytes += storage->bytes();
    return storage;
}

Tensor contiguous(lua_State* lua, const Tensor& tensor) {
    if (tensor.is_contiguous()) return tensor;
    Tensor result;
    const View view = view_of(tensor);
    allocate(lua, result, view.dtype, view.shape);
    copy(view, view_of(result));
    return result;
}

void copy_elements(const Tensor& from, const Tensor& to) {
    copy(view_of(from), view_of(to));
}

}  // namespace ipcrun::lua
