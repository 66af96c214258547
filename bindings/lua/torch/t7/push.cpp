// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/torch/t7/lua_values.hpp"

namespace ipcrun::lua {

namespace {

/// Numbers without a fraction come back as integers, as which most of them were written: a double
/// does not tell.
void push_number(lua_State* lua, double number) {
    constexpr double exact_max = 9007199254740992.0;  // 2^53
    const bool is_integer = number == std::floor(number) && std::abs(number) <= exact_max &&
                            !(number == 0 && std::signbit(number));
    if (is_integer)
        lua_pushinteger(lua, lua_Integer(number));
    else
        lua_pushnumber(lua, number);
}

/// Objects are in the table at `made`, by number.
void push_value(lua_State* lua, const T7Work& work, const T7Value& value, int made) {
    switch (value.kind) {
        case T7Value::Kind::nil:
            return lua_pushnil(lua);
        case T7Value::Kind::number:
            return push_number(lua, value.number);
        case T7Value::Kind::boolean:
            return lua_pushboolean(lua, value.boolean);
        case T7Value::Kind::string:
            lua_pushlstring(lua, work.document.text.data() + value.at, value.length);
            return;
        case T7Value::Kind::object:
            lua_rawgeti(lua, made, lua_Integer(value.at));
            return;
    }
}

void push_tensor_of(lua_State* lua, const T7Object& object) {
    Tensor& tensor = push_tensor(lua);
    run(lua, [&] {
        if (!object.storage) {
            allocate(lua, tensor, object.dtype, Shape());
        } else {
            tensor.storage = object.storage;
            tensor.offset = object.layout.back();
        }
    });
    tensor.dims = object.dims();
    std::copy_n(object.layout.data(), tensor.dims, tensor.sizes);
    std::copy_n(object.layout.data() + tensor.dims, tensor.dims, tensor.strides);
}

/// Pushes an object without what it holds.
void push_empty(lua_State* lua, const T7Object& object, int torch, const char* function) {
    switch (object.kind) {
        case T7Object::Kind::table:
            return lua_newtable(lua);
        case T7Object::Kind::tensor:
            return push_tensor_of(lua, object);
        case T7Object::Kind::storage: {
            StorageObject& storage = push_storage(lua);
            storage.storage = object.storage;
            return;
        }
        case T7Object::Kind::instance:
            break;
    }
    lua_newtable(lua);
    lua_getfield(lua, torch, "getmetatable");
    lua_pushlstring(lua, object.class_name.data(), object.class_name.size());
    lua_call(lua, 1, 1);
    if (!lua_istable(lua, -1))
        luaL_error(lua, "%s: there is no class '%s'; define it with torch.class before", function,
                   object.class_name.c_str());
    if (lua_getfield(lua, -1, "read") == LUA_TFUNCTION)
        luaL_error(lua, "%s: class %s reads itself from a torch.File, which is not there", function,
                   object.class_name.c_str());
    lua_pop(lua, 1);
    lua_setmetatable(lua, -2);
}

/// Sets the entries, keys and values in turn, in the table on top of the stack.
void set_entries(lua_State* lua, const T7Work& work, const std::vector<T7Value>& values, int made,
                 const char* function) {
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
        const T7Value& key = values[i];
        const bool is_nan = key.kind == T7Value::Kind::number && std::isnan(key.number);
        if (key.kind == T7Value::Kind::nil || is_nan)
            luaL_error(lua, "%s: a table has %s for a key", function, is_nan ? "NaN" : "nil");
        push_value(lua, work, key, made);
        push_value(lua, work, values[i + 1], made);
        lua_rawset(lua, -3);
    }
}

}  // namespace

void push_document(lua_State* lua, T7Work& work, int torch, const char* function) {
    luaL_checkstack(lua, 20, function);
    lua_newtable(lua);
    const int made = lua_gettop(lua);
    const std::vector<T7Object>& objects = work.document.objects;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        if (objects[i].kind == T7Object::Kind::storage) bytes += objects[i].storage->bytes();
        push_empty(lua, objects[i], torch, function);
        lua_rawseti(lua, made, lua_Integer(i));
    }
    context(lua).unreported_bytes += bytes;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const bool is_instance = objects[i].kind == T7Object::Kind::instance;
        if (!is_instance && objects[i].kind != T7Object::Kind::table) continue;
        lua_rawgeti(lua, made, lua_Integer(i));
        const T7Object& fields = is_instance ? objects[objects[i].values[0].at] : objects[i];
        set_entries(lua, work, fields.values, made, function);
        lua_pop(lua, 1);
    }
    push_value(lua, work, work.document.root, made);
    lua_remove(lua, made);
}

}  // namespace ipcrun::lua
