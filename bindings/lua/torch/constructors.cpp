// SPDX-License-Identifier: Apache-2.0
// torch.FloatTensor(...) and its kin.
#include <algorithm>
#include <cmath>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// The shape of nested tables of numbers, from the first element of each level.
Shape shape_of_table(lua_State* lua, int index) {
    Shape shape;
    luaL_checkstack(lua, tensor_dims_max + 4, "nested tables");
    const int top = lua_gettop(lua);
    lua_pushvalue(lua, index);
    while (lua_istable(lua, -1)) {
        if (shape.dims == tensor_dims_max)
            luaL_argerror(lua, index,
                          lua_pushfstring(lua, "tables nested deeper than %d", tensor_dims_max));
        shape.sizes[shape.dims++] = std::int64_t(lua_rawlen(lua, -1));
        lua_rawgeti(lua, -1, 1);
    }
    lua_settop(lua, top);
    if (shape.dims == 1 && shape.sizes[0] == 0) shape.dims = 0;
    return shape;
}

/// Stores the table on top of the stack from `next` on; pops nothing.
std::byte* store_table(lua_State* lua, int argument, Dtype dtype, const Shape& shape, int level,
                       std::byte* next) {
    const std::int64_t size = shape.sizes[level];
    if (!lua_istable(lua, -1) || std::int64_t(lua_rawlen(lua, -1)) != size)
        luaL_argerror(lua, argument,
                      lua_pushfstring(lua, "the tables at depth %d must all have %I elements",
                                      level + 1, lua_Integer(size)));
    for (std::int64_t i = 1; i <= size; ++i) {
        lua_rawgeti(lua, -1, i);
        if (level + 1 < shape.dims) {
            next = store_table(lua, argument, dtype, shape, level + 1, next);
        } else {
            if (lua_type(lua, -1) != LUA_TNUMBER)
                luaL_argerror(lua, argument,
                              lua_pushfstring(lua, "expected a number in the table, got %s",
                                              luaL_typename(lua, -1)));
            const Scalar element = to_scalar(lua, -1);
            check_fits(lua, argument, element, dtype);
            store_element(dtype, next, element);
            next += size_of(dtype);
        }
        lua_pop(lua, 1);
    }
    return next;
}

int from_table(lua_State* lua, Dtype dtype) {
    const Shape shape = shape_of_table(lua, 1);
    Tensor& result = push_tensor(lua);
    run(lua, [&] { allocate(lua, result, dtype, shape); });
    if (shape.dims == 0) return 1;
    luaL_checkstack(lua, tensor_dims_max + 4, "nested tables");
    lua_pushvalue(lua, 1);
    store_table(lua, 1, dtype, shape, 0, result.data());
    lua_pop(lua, 1);
    return 1;
}

/// Where a view into a storage lies: what follows the storage in the arguments.
struct Placement {
    std::int64_t offset = 0;
    Shape shape;
    Shape strides;
    bool has_shape = false;
    bool has_strides = false;
};

/// Reads [offset [, sizes [, strides]]] or [offset, size1, stride1, size2, stride2, ...].
Placement check_placement(lua_State* lua, int index) {
    Placement placement;
    const lua_Integer offset = luaL_optinteger(lua, index, 1);
    luaL_argcheck(lua, offset >= 1, index, "the offset is below 1");
    placement.offset = offset - 1;
    if (lua_isnoneornil(lua, index + 1)) return placement;
    placement.has_shape = true;
    if (read_integers(lua, index + 1, placement.shape)) {
        placement.has_strides = read_integers(lua, index + 2, placement.strides);
        if (placement.has_strides && placement.strides.dims != placement.shape.dims)
            luaL_argerror(lua, index + 2, "as many strides as sizes are needed");
        return placement;
    }
    const int count = lua_gettop(lua) - index;
    placement.shape.dims = placement.strides.dims = (count + 1) / 2;
    if (placement.shape.dims > tensor_dims_max) luaL_argerror(lua, index, "too many dimensions");
    placement.has_strides = true;
    for (int d = 0; d < placement.shape.dims; ++d) {
        placement.shape.sizes[d] = luaL_checkinteger(lua, index + 1 + 2 * d);
        placement.strides.sizes[d] = luaL_optinteger(lua, index + 2 + 2 * d, 1);
    }
    return placement;
}

/// Makes `result` that view of `storage`. Throws when it reaches outside.
void place(Tensor& result, const StoragePtr& storage, const Placement& placement) {
    const std::int64_t available = std::int64_t(storage->count());
    View view;
    view.shape = placement.shape;
    if (!placement.has_shape) {
        view.shape = {1, {available - placement.offset}};
        if (available == 0) view.shape.dims = 0;
    }
    set_contiguous_strides(view.shape, view.strides);
    (void)checked_count(view.shape);  // for its messages
    if (placement.has_strides) std::copy_n(placement.strides.sizes, view.shape.dims, view.strides);
    if (!lies_inside(view.shape, view.strides, placement.offset, available))
        fail(ErrorCode::usage,
             "a view of size {} at offset {} reaches outside a storage of size {}",
             format_shape(view.shape), placement.offset + 1, available);
    result.storage = storage;
    result.offset = placement.offset;
    result.dims = view.shape.dims;
    std::copy_n(view.shape.sizes, view.shape.dims, result.sizes);
    std::copy_n(view.strides, view.shape.dims, result.strides);
}

int from_storage(lua_State* lua, Dtype dtype, const StoragePtr& storage) {
    const Placement placement = check_placement(lua, 2);
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        if (storage->dtype() != dtype)
            fail(ErrorCode::usage, "a {} cannot be seen as a {}", storage_name_of(storage->dtype()),
                 tensor_name_of(dtype));
        place(result, storage, placement);
    });
    return 1;
}

int create(lua_State* lua, Dtype dtype) {
    if (lua_istable(lua, 1)) return from_table(lua, dtype);
    const StorageObject* storage = test_storage(lua, 1);
    // The one ambiguity, LongTensor(LongStorage), is settled as elements, not as sizes.
    const bool is_sizes =
        storage != nullptr && storage->storage->dtype() == Dtype::i64 && dtype != Dtype::i64;
    if (storage != nullptr && !is_sizes) return from_storage(lua, dtype, storage->storage);
    if (const Tensor* given = test_tensor(lua, 1)) {
        Tensor& result = push_tensor(lua);
        run(lua, [&] {
            if (given->dtype() != dtype)
                fail(ErrorCode::usage, "a {} cannot be seen as a {}; convert it with :type('{}')",
                     tensor_name_of(given->dtype()), tensor_name_of(dtype), tensor_name_of(dtype));
            result = *given;
        });
        return 1;
    }
    const Shape shape = check_shape(lua, 1);
    Tensor& result = push_tensor(lua);
    run(lua, [&] { allocate(lua, result, dtype, shape); });
    return 1;
}

int create_typed(lua_State* lua) {
    return create(lua, Dtype(lua_tointeger(lua, lua_upvalueindex(1))));
}
int create_default(lua_State* lua) {
    return create(lua, default_dtype(lua));
}

/// t:set(tensor), t:set(storage [, offset, ...]), t:set()
int set(lua_State* lua) {
    Tensor& self = check_tensor(lua, 1);
    const StorageObject* storage = test_storage(lua, 2);
    const Tensor* tensor = test_tensor(lua, 2);
    if (storage == nullptr && tensor == nullptr) raise_expected(lua, 2, "a tensor or a storage");
    const Placement placement = storage != nullptr ? check_placement(lua, 3) : Placement();
    run(lua, [&] {
        check_same_dtype("set", self.dtype(),
                         storage != nullptr ? storage->storage->dtype() : tensor->dtype());
        if (storage != nullptr)
            place(self, storage->storage, placement);
        else
            self = *tensor;
    });
    lua_settop(lua, 1);
    return 1;
}

int set_default_type(lua_State* lua) {
    Dtype dtype;
    const char* name = luaL_checkstring(lua, 1);
    if (!parse_type_name(name, dtype)) raise_expected(lua, 1, "a name like 'torch.FloatTensor'");
    set_default_dtype(lua, dtype);
    return 0;
}

int get_default_type(lua_State* lua) {
    lua_pushstring(lua, tensor_name_of(default_dtype(lua)));
    return 1;
}

}  // namespace

void push_constructor(lua_State* lua, Dtype dtype) {
    lua_pushinteger(lua, int(dtype));
    lua_pushcclosure(lua, create_typed, 1);
}

void register_constructors(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"set", set, 0, Entry::method_only},
        {"setdefaulttensortype", set_default_type, 0, Entry::function_only},
        {"getdefaulttensortype", get_default_type, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
    for (int i = 0; i < dtype_count; ++i) {
        push_constructor(lua, Dtype(i));
        lua_setfield(lua, torch, tensor_name_of(Dtype(i)) + std::strlen("torch."));
    }
    lua_pushcfunction(lua, create_default);
    lua_setfield(lua, torch, "Tensor");
}

}  // namespace ipcrun::lua
