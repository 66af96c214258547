// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* default_dtype_key = "ipcrun.torch.default_dtype";

char letter_of(lua_State* lua, int index) {
    switch (lua_type(lua, index)) {
        case LUA_TNUMBER:
            return 'N';
        case LUA_TUSERDATA:
            if (test_tensor(lua, index) != nullptr) return 'T';
            return test_storage(lua, index) != nullptr ? 'O' : '?';
        case LUA_TBOOLEAN:
            return 'B';
        case LUA_TSTRING:
            return 'S';
        case LUA_TTABLE:
            return 'L';
        case LUA_TFUNCTION:
            return 'F';
        default:
            return '?';
    }
}

/// Pushes what the argument is, for a message.
void push_description(lua_State* lua, int index) {
    if (const Tensor* tensor = test_tensor(lua, index)) {
        luaL_Buffer text;
        luaL_buffinit(lua, &text);
        luaL_addstring(&text, tensor_name_of(tensor->dtype()));
        luaL_addstring(&text, tensor->dims == 0 ? " with no dimension" : " of size ");
        for (int d = 0; d < tensor->dims; ++d) {
            if (d > 0) luaL_addchar(&text, 'x');
            lua_pushinteger(lua, tensor->sizes[d]);
            luaL_addvalue(&text);
        }
        luaL_pushresult(&text);
    } else if (const StorageObject* storage = test_storage(lua, index)) {
        lua_pushstring(lua, storage_name_of(storage->storage->dtype()));
    } else if (lua_isnone(lua, index)) {
        lua_pushstring(lua, "nothing");
    } else {
        lua_pushstring(lua, luaL_typename(lua, index));
    }
}

}  // namespace

Dtype default_dtype(lua_State* lua) {
    const bool is_set = lua_getfield(lua, LUA_REGISTRYINDEX, default_dtype_key) == LUA_TNUMBER;
    const Dtype dtype = is_set ? Dtype(lua_tointeger(lua, -1)) : Dtype::f64;
    lua_pop(lua, 1);
    return dtype;
}

void set_default_dtype(lua_State* lua, Dtype dtype) {
    lua_pushinteger(lua, int(dtype));
    lua_setfield(lua, LUA_REGISTRYINDEX, default_dtype_key);
}

Call begin_call(lua_State* lua) {
    Call call;
    call.is_method = lua_toboolean(lua, lua_upvalueindex(1)) != 0;
    call.op = int(lua_tointeger(lua, lua_upvalueindex(2)));
    call.name = lua_tostring(lua, lua_upvalueindex(3));
    int count = lua_gettop(lua);
    while (count > 0 && lua_isnil(lua, count)) --count;  // f(t, nil) is f(t)
    lua_settop(lua, count);
    constexpr int letters_max = int(sizeof call.pattern) - 1;
    for (int i = 0; i < count && i < letters_max; ++i) call.pattern[i] = letter_of(lua, i + 1);
    call.pattern[count < letters_max ? count : letters_max] = '\0';
    if (count > letters_max) std::strcpy(call.pattern, "?");
    if (call.is_method && call.pattern[0] != 'T')
        raise_expected(lua, 1, "a tensor (t:method(), not t.method())");
    return call;
}

void register_entries(lua_State* lua, int torch, int methods, const Entry* entries, int count) {
    for (int i = 0; i < count; ++i) {
        for (const bool is_method : {false, true}) {
            const auto unwanted = is_method ? Entry::function_only : Entry::method_only;
            if (entries[i].where == unwanted) continue;
            lua_pushboolean(lua, is_method);
            lua_pushinteger(lua, entries[i].op);
            lua_pushstring(lua, entries[i].label != nullptr ? entries[i].label : entries[i].name);
            lua_pushcclosure(lua, entries[i].function, 3);
            lua_setfield(lua, is_method ? methods : torch, entries[i].name);
        }
    }
}

void raise_expected(lua_State* lua, int index, const char* what) {
    push_description(lua, index);
    luaL_argerror(lua, index,
                  lua_pushfstring(lua, "expected %s, got %s", what, lua_tostring(lua, -1)));
    __builtin_unreachable();
}

void raise_usage(lua_State* lua, const char* name, const char* usage) {
    const int count = lua_gettop(lua);
    luaL_checkstack(lua, 10, name);
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int i = 1; i <= count; ++i) {
        if (i > 1) luaL_addstring(&text, ", ");
        push_description(lua, i);
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    luaL_error(lua, "%s: expected %s, got (%s)", name, usage, lua_tostring(lua, -1));
    __builtin_unreachable();
}

Scalar to_scalar(lua_State* lua, int index) {
    return lua_isinteger(lua, index) ? Scalar::of(std::int64_t(lua_tointeger(lua, index)))
                                     : Scalar::of(double(lua_tonumber(lua, index)));
}

Scalar check_scalar(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TNUMBER) raise_expected(lua, index, "a number");
    return to_scalar(lua, index);
}

void check_fits(lua_State* lua, int index, const Scalar& scalar, Dtype dtype) {
    if (holds(dtype, scalar)) return;
    const IntegerRange range = range_of(dtype);
    push_scalar(lua, scalar);
    luaL_argerror(lua, index,
                  lua_pushfstring(lua, "%s does not fit into a %s, which holds %I to %I",
                                  lua_tostring(lua, -1), tensor_name_of(dtype),
                                  lua_Integer(range.least), lua_Integer(range.greatest)));
}

Scalar check_element(lua_State* lua, int index, Dtype dtype) {
    const Scalar scalar = check_scalar(lua, index);
    check_fits(lua, index, scalar, dtype);
    return scalar;
}

void push_scalar(lua_State* lua, const Scalar& scalar) {
    if (scalar.is_integer)
        lua_pushinteger(lua, scalar.integer);
    else
        lua_pushnumber(lua, scalar.real);
}

int check_dimension(lua_State* lua, int index, const Tensor& tensor) {
    const lua_Integer given = luaL_checkinteger(lua, index);
    const lua_Integer dimension = given < 0 ? given + tensor.dims : given - 1;
    if (dimension < 0 || dimension >= tensor.dims)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "dimension %I out of range: the tensor has %d",
                                      lua_Integer(given), tensor.dims));
    return int(dimension);
}

std::int64_t check_index(lua_State* lua, int index, std::int64_t size) {
    const lua_Integer given = luaL_checkinteger(lua, index);
    const lua_Integer position = given < 0 ? given + size : given - 1;
    if (position < 0 || position >= size)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "index %I out of range: the size is %I",
                                      lua_Integer(given), lua_Integer(size)));
    return position;
}

bool read_integers(lua_State* lua, int index, Shape& shape) {
    shape.dims = 0;
    std::int64_t count = 0;
    const StorageObject* storage = test_storage(lua, index);
    if (storage != nullptr && storage->storage->dtype() == Dtype::i64)
        count = std::int64_t(storage->storage->count());
    else if (lua_istable(lua, index))
        count = std::int64_t(lua_rawlen(lua, index));
    else
        return false;
    if (count > tensor_dims_max)
        luaL_argerror(lua, index, lua_pushfstring(lua, "more than %d dimensions", tensor_dims_max));
    for (int d = 0; d < int(count); ++d) {
        if (storage != nullptr) {
            const auto* data = reinterpret_cast<const std::int64_t*>(storage->storage->data());
            shape.sizes[d] = data[d];
            continue;
        }
        int is_integer = 0;
        lua_rawgeti(lua, index, d + 1);
        shape.sizes[d] = lua_tointegerx(lua, -1, &is_integer);
        lua_pop(lua, 1);
        if (!is_integer) luaL_argerror(lua, index, "expected a table of integers");
    }
    shape.dims = int(count);
    return true;
}

Shape check_shape(lua_State* lua, int index) {
    Shape shape;
    const int count = lua_gettop(lua) - index + 1;
    if (count == 1 && read_integers(lua, index, shape)) return shape;
    if (count > tensor_dims_max)
        luaL_error(lua, "%d sizes given, a tensor has at most %d dimensions", count,
                   tensor_dims_max);
    shape.dims = count < 0 ? 0 : count;
    for (int d = 0; d < shape.dims; ++d) {
        int is_integer = 0;
        shape.sizes[d] = lua_tointegerx(lua, index + d, &is_integer);
        if (!is_integer) raise_expected(lua, index + d, "a size (an integer, or one LongStorage)");
    }
    return shape;
}

}  // namespace ipcrun::lua
