// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the functions of `torch` share: reading arguments (may raise, leaves nothing behind),
/// making results, and registering. See bindings/lua/bind.hpp for the three phases.

#include <lua.hpp>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/tensor.hpp"
#include "bindings/lua/torch/scalar.hpp"
#include "bindings/lua/torch/type_names.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

constexpr const char* tensor_metatable = "ipcrun.tensor";
constexpr const char* storage_metatable = "ipcrun.storage";

/// Requires `torch` where this state has not: what a message brings would have no methods, and
/// never be freed.
void require_torch(lua_State* lua);

/// The userdata of torch.FloatStorage and its kin.
struct StorageObject {
    StoragePtr storage;
};
StorageObject* test_storage(lua_State* lua, int index);
StorageObject& check_storage(lua_State* lua, int index);
StorageObject& push_storage(lua_State* lua);
/// Pushes a LongStorage with `values`.
void push_sizes(lua_State* lua, const std::int64_t* values, int count);

Dtype default_dtype(lua_State* lua);
void set_default_dtype(lua_State* lua, Dtype dtype);

/// The phase that may throw: runs `work` and raises what it throws.
template <typename Work>
void run(lua_State* lua, Work&& work) {
    const Failure failure = attempt(std::forward<Work>(work));
    if (failure.failed) raise_string(lua, failure);
}

/// How a function of `torch` was called.
struct Call {
    bool is_method;    ///< t:name(...), not torch.name(...)
    int op;            ///< which of a family of functions
    const char* name;  ///< for messages
    char pattern[8];   ///< the kinds of the arguments; "?" where there are too many

    /// Compares with letters: T tensor, N number, B boolean, S string, L table, F function, O
    /// storage.
    bool is(const char* expected) const { return std::strcmp(pattern, expected) == 0; }
};
Call begin_call(lua_State* lua);

/// What the registered functions are: one C function may serve a family, told apart by `op`.
struct Entry {
    const char* name;
    lua_CFunction function;
    int op = 0;
    enum Where { function_and_method, function_only, method_only } where = function_and_method;
    const char* label = nullptr;  ///< its name in messages, where that is not `name`
};
/// Sets the entries in the tables at `torch` and `methods` (absolute indices).
void register_entries(lua_State* lua, int torch, int methods, const Entry* entries, int count);
template <int count>
void register_entries(lua_State* lua, int torch, int methods, const Entry (&entries)[count]) {
    register_entries(lua, torch, methods, entries, count);
}

/// Raises "bad argument #index to 'f' (expected WHAT, got ...)".
[[noreturn]] void raise_expected(lua_State* lua, int index, const char* what);
/// Raises "NAME: expected USAGE, got (torch.FloatTensor of size 3, string)".
[[noreturn]] void raise_usage(lua_State* lua, const char* name, const char* usage);

Scalar check_scalar(lua_State* lua, int index);
/// The same, for an element of `dtype`: raises when integers of that type cannot hold the number.
Scalar check_element(lua_State* lua, int index, Dtype dtype);
/// Raises for a number, from the argument `index`, that integers of `dtype` cannot hold.
void check_fits(lua_State* lua, int index, const Scalar& scalar, Dtype dtype);
/// The number on top of the stack or at `index`, which is one.
Scalar to_scalar(lua_State* lua, int index);
void push_scalar(lua_State* lua, const Scalar& scalar);
/// A dimension of `tensor`, counting from 1 (from the end when negative); returned from 0.
int check_dimension(lua_State* lua, int index, const Tensor& tensor);
/// An index in a dimension of `size`, likewise.
std::int64_t check_index(lua_State* lua, int index, std::int64_t size);
/// Sizes: numbers from `index` to the last argument, or one table, LongStorage. -1 is let through.
Shape check_shape(lua_State* lua, int index);
/// The integers of a table or LongStorage at `index`; false when it is neither.
bool read_integers(lua_State* lua, int index, Shape& shape);

/// Throws usage unless the dtypes are equal.
void check_same_dtype(const char* name, Dtype a, Dtype b);

/// Fills `tensor` with new contiguous memory. Throws.
void allocate(lua_State* lua, Tensor& tensor, Dtype dtype, const Shape& shape);
/// Gives `tensor` the shape, in its storage when that is large enough, else in a new one with the
/// old elements in front. Unlike in torch7 other tensors of the old storage keep it as it was.
void resize(lua_State* lua, Tensor& tensor, const Shape& shape);
/// Makes `result` ready to be written: allocates a new one, resizes one that was given. Throws when
/// it has another dtype or is an expanded view.
void prepare_result(lua_State* lua, const char* name, Tensor& result, Dtype dtype,
                    const Shape& shape);
/// The same for element-wise functions: a result that is an operand keeps its size, or they throw.
void prepare_target(lua_State* lua, const char* name, Tensor& result, bool is_operand, Dtype dtype,
                    const Shape& shape);
/// Pushes the tensor at `index`, or a new one when that is 0.
Tensor& push_result(lua_State* lua, int index);
/// Pushes another tensor with the elements of the one at `index`, which keeps their storage while
/// Lua code may run (a function given, or a finaliser) that could resize that one.
const Tensor& push_held(lua_State* lua, int index);
/// Makes `result` the `view` of `of`'s storage.
void set_view(Tensor& result, const Tensor& of, const View& view);
inline Shape shape_of(const Tensor& tensor) {
    return view_of(tensor).shape;
}

}  // namespace ipcrun::lua
