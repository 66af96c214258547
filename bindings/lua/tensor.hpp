// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The tensor of `require 'torch'` as C++ sees it: a strided view of a storage. The operations on
/// it live in bindings/lua/torch/.

#include <cstdint>
#include <lua.hpp>

#include "runtime/storage.hpp"

namespace ipcrun::lua {

constexpr int tensor_dims_max = 16;

struct Tensor {
    StoragePtr storage;       ///< null only before a result is filled in
    std::int64_t offset = 0;  ///< of the first element, in elements
    int dims = 0;             ///< 0: an empty tensor (torch7 has no scalars)
    std::int64_t sizes[tensor_dims_max] = {};
    std::int64_t strides[tensor_dims_max] = {};  ///< in elements; 0 where expanded

    Dtype dtype() const { return storage->dtype(); }
    std::int64_t count() const;  ///< elements; 0 for dims == 0
    bool is_contiguous() const;  ///< row by row without gaps
    std::byte* data() const { return storage->data() + offset * std::int64_t(size_of(dtype())); }
};

/// The tensor at `index`, or a Lua error that says what is there instead. Borrowed: the Lua value
/// keeps it alive.
Tensor& check_tensor(lua_State* lua, int index);
/// The same, or null when there is something else.
Tensor* test_tensor(lua_State* lua, int index);

/// Pushes a new userdata, to be filled in by the caller (storage null until then): create it before
/// any C++ work. Raises when memory runs out.
Tensor& push_tensor(lua_State* lua);

/// Tells Lua's collector of storage created since it last heard, when that is `least` bytes or more
/// (see Context::unreported_bytes): it works off as much. Finalisers may run.
void report_memory(lua_State* lua, std::size_t least);

/// `count` elements in one dimension, in the memory that tensors of this state live in. Throws.
StoragePtr create_storage(lua_State* lua, Dtype dtype, std::int64_t count);

/// `tensor` itself when it is contiguous, else a contiguous copy in new storage. Throws.
Tensor contiguous(lua_State* lua, const Tensor& tensor);
/// Copies elements between tensors of equal count and dtype, whatever their strides.
void copy_elements(const Tensor& from, const Tensor& to);

/// Opens the module `torch`.
int open_torch(lua_State* lua);

}  // namespace ipcrun::lua
