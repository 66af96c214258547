// SPDX-License-Identifier: Apache-2.0
// torch.FloatTensor(...) and its kin, and the functions that make filled tensors.
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
            store_element(dtype, next, to_scalar(lua, -1));
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
    const std::int64_t count = checked_count(view.shape);
    std::int64_t last = placement.offset;
    bool fits = placement.offset >= 0 && placement.offset <= available;
    for (int d = 0; d < view.shape.dims; ++d) {
        if (placement.has_strides) view.strides[d] = placement.strides.sizes[d];
        const std::int64_t steps = std::max<std::int64_t>(view.shape.sizes[d] - 1, 0);
        if (view.strides[d] < 0) fits = false;
        if (fits && steps > 0 && view.strides[d] > (available - last) / steps) fits = false;
        if (fits) last += steps * view.strides[d];
    }
    if (!fits || (count > 0 && last >= available))
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

/// torch.zeros(sizes) and torch.zeros(result, sizes); likewise ones.
int filled(lua_State* lua) {
    const int value = int(lua_tointeger(lua, lua_upvalueindex(2)));
    const int first = test_tensor(lua, 1) != nullptr ? 2 : 1;
    const Shape shape = check_shape(lua, first);
    const Dtype dtype = first == 2 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    Tensor& result = push_result(lua, first - 1);
    run(lua, [&] {
        prepare_result(lua, "fill", result, dtype, shape);
        fill(view_of(result), Scalar::of(std::int64_t(value)));
    });
    return 1;
}

int eye(lua_State* lua) {
    const lua_Integer rows = luaL_checkinteger(lua, 1);
    const lua_Integer columns = luaL_optinteger(lua, 2, rows);
    const Dtype dtype = default_dtype(lua);
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        allocate(lua, result, dtype, {2, {rows, columns}});
        fill(view_of(result), Scalar::of(std::int64_t(0)));
        View diagonal = view_of(result);
        diagonal.shape = {1, {std::min(rows, columns)}};
        diagonal.strides[0] = columns + 1;
        fill(diagonal, Scalar::of(std::int64_t(1)));
    });
    return 1;
}

struct Sequence {
    Scalar first;
    Scalar step;
    std::int64_t count = 0;

    Scalar operator[](std::int64_t i) const {
        if (first.is_integer && step.is_integer)  // exact, as unsigned so that it wraps
            return Scalar::of(std::int64_t(std::uint64_t(first.integer) +
                                           std::uint64_t(i) * std::uint64_t(step.integer)));
        return Scalar::of(first.real + double(i) * step.real);
    }
};

/// How many steps lead from `first` to `last`, both ends counted; 0 when they never arrive.
std::int64_t range_count(const Scalar& first, const Scalar& last, const Scalar& step) {
    constexpr double count_max = 1e15;
    double steps;
    if (first.is_integer && last.is_integer && step.is_integer && step.integer > 0 &&
        first.integer <= last.integer) {
        const std::uint64_t distance = std::uint64_t(last.integer) - std::uint64_t(first.integer);
        steps = double(distance / std::uint64_t(step.integer));
    } else {
        constexpr double slack = 1e-9;  // rounding must not lose the last element
        steps = std::floor((last.real - first.real) / step.real + slack);
    }
    return steps >= 0 && steps < count_max ? std::int64_t(steps) + 1 : 0;
}

/// What range (op 0) or linspace (op 1) asks for in the arguments from `index` on.
Sequence check_sequence(lua_State* lua, int op, int index) {
    Sequence sequence;
    sequence.first = check_scalar(lua, index);
    const Scalar last = check_scalar(lua, index + 1);
    const bool has_third = !lua_isnoneornil(lua, index + 2);
    if (op == 1) {
        sequence.count = has_third ? luaL_checkinteger(lua, index + 2) : 100;
        const double gaps = sequence.count > 1 ? double(sequence.count - 1) : 1;
        sequence.step = Scalar::of((last.real - sequence.first.real) / gaps);
        return sequence;
    }
    sequence.step = has_third ? check_scalar(lua, index + 2) : Scalar::of(std::int64_t(1));
    sequence.count = range_count(sequence.first, last, sequence.step);
    if (sequence.count == 0)
        luaL_error(lua, "range: cannot go from %f to %f in steps of %f", sequence.first.real,
                   last.real, sequence.step.real);
    return sequence;
}

/// torch.range([result,] first, last [, step]): `last` is included.
/// torch.linspace([result,] first, last [, count])
int sequence(lua_State* lua) {
    const int op = int(lua_tointeger(lua, lua_upvalueindex(2)));
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
    const Sequence values = check_sequence(lua, op, result_index + 1);
    const Dtype dtype = result_index != 0 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] {
        prepare_result(lua, op == 0 ? "range" : "linspace", result, dtype, {1, {values.count}});
        std::byte* to = result.data();
        for (std::int64_t i = 0; i < values.count; ++i) {
            store_element(dtype, to, values[i]);
            to += result.strides[0] * std::int64_t(size_of(dtype));
        }
    });
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

void register_constructors(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"zeros", filled, 0, Entry::function_only},
        {"ones", filled, 1, Entry::function_only},
        {"eye", eye, 0, Entry::function_only},
        {"range", sequence, 0, Entry::function_only},
        {"linspace", sequence, 1, Entry::function_only},
        {"set", set, 0, Entry::method_only},
        {"setdefaulttensortype", set_default_type, 0, Entry::function_only},
        {"getdefaulttensortype", get_default_type, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
    for (int i = 0; i < dtype_count; ++i) {
        lua_pushinteger(lua, i);
        lua_pushcclosure(lua, create_typed, 1);
        lua_setfield(lua, torch, tensor_name_of(Dtype(i)) + std::strlen("torch."));
    }
    lua_pushcfunction(lua, create_default);
    lua_setfield(lua, torch, "Tensor");
}

}  // namespace ipcrun::lua
