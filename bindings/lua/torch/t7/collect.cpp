// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/torch/t7/lua_values.hpp"

namespace ipcrun::lua {

namespace {

/// Up to here every integer is a double of its own.
constexpr lua_Integer exact_max = lua_Integer(1) << 53;

/// A traversal of Lua values. `seen` is the stack index of a table from tables, tensors and (as
/// addresses) storages to numbers of objects; `sources` that of one from numbers to the tables
/// whose entries are still to be read.
struct Collector {
    lua_State* lua;
    T7Work& work;
    int torch;
    int seen;
    int sources;
    const char* function;

    void collect_entries(std::size_t number);
    T7Value value_at(int index, bool is_key);

  private:
    [[noreturn]] void refuse(int index, bool is_key);
    std::size_t add_object(T7Object::Kind kind);
    void remember(std::size_t number);
    void add_source(std::size_t number, int index);
    T7Value number_at(int index);
    std::size_t table_at(int index);
    std::size_t tensor_at(int index);
    std::size_t storage_at(Storage* storage);
    bool class_name_at(int index, const char*& name);
};

/// "save: a function cannot be saved (in field 'x')"; the key lies below the value on the stack.
void Collector::refuse(int index, bool is_key) {
    const char* kind = luaL_typename(lua, index);
    const bool in_table = lua_gettop(lua) > sources;
    if (is_key || !in_table) {
        luaL_error(lua, "%s: a %s cannot be saved%s", function, kind,
                   is_key ? " (it is a key of a table)" : "");
    }
    lua_pushvalue(lua, -2);  // lua_tostring would change the key itself
    const char* name = lua_type(lua, -1) == LUA_TSTRING || lua_type(lua, -1) == LUA_TNUMBER
                           ? lua_tostring(lua, -1)
                           : luaL_typename(lua, -1);
    luaL_error(lua, "%s: a %s cannot be saved (in field '%s' of a table)", function, kind, name);
    __builtin_unreachable();
}

std::size_t Collector::add_object(T7Object::Kind kind) {
    run(lua, [&] { work.document.objects.emplace_back().kind = kind; });
    return work.document.objects.size() - 1;
}

/// The thing on top of the stack, which is popped, is object `number`.
void Collector::remember(std::size_t number) {
    lua_pushinteger(lua, lua_Integer(number));
    lua_rawset(lua, seen);
}

void Collector::add_source(std::size_t number, int index) {
    lua_pushvalue(lua, index);
    lua_rawseti(lua, sources, lua_Integer(number));
}

T7Value Collector::number_at(int index) {
    T7Value value;
    value.kind = T7Value::Kind::number;
    value.number = lua_tonumber(lua, index);
    if (!lua_isinteger(lua, index)) return value;
    const lua_Integer integer = lua_tointeger(lua, index);
    if (integer > exact_max || integer < -exact_max)
        luaL_error(lua, "%s: the integer %I is beyond 2^53; the format has doubles only", function,
                   integer);
    return value;
}

/// Whether the table at `index` is an object of torch.class.
bool Collector::class_name_at(int index, const char*& name) {
    if (!lua_getmetatable(lua, index)) return false;
    const int metatable = lua_gettop(lua);
    lua_getfield(lua, torch, "typename");
    lua_pushvalue(lua, index);
    lua_call(lua, 1, 1);
    name = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : nullptr;
    if (name != nullptr && lua_getfield(lua, metatable, "write") == LUA_TFUNCTION)
        luaL_error(lua, "%s: class %s writes itself to a torch.File, which is not there", function,
                   name);
    lua_settop(lua, metatable - 1);  // the class keeps its name alive
    return name != nullptr;
}

std::size_t Collector::table_at(int index) {
    const char* name = nullptr;
    if (!class_name_at(index, name)) {
        const std::size_t number = add_object(T7Object::Kind::table);
        add_source(number, index);
        lua_pushvalue(lua, index);
        remember(number);
        return number;
    }
    const std::size_t number = add_object(T7Object::Kind::instance);
    const std::size_t fields = add_object(T7Object::Kind::table);
    run(lua, [&] {
        T7Object& object = work.document.objects[number];
        object.class_name = name;
        T7Value value;
        value.kind = T7Value::Kind::object;
        value.at = fields;
        object.values.push_back(value);
    });
    add_source(fields, index);
    lua_pushvalue(lua, index);
    remember(number);
    return number;
}

/// By its address: the document keeps it, so that no other can come to lie there.
std::size_t Collector::storage_at(Storage* storage) {
    lua_pushlightuserdata(lua, storage);
    if (lua_rawget(lua, seen) == LUA_TNUMBER) {
        const auto number = std::size_t(lua_tointeger(lua, -1));
        lua_pop(lua, 1);
        return number;
    }
    lua_pop(lua, 1);
    const std::size_t number = add_object(T7Object::Kind::storage);
    T7Object& object = work.document.objects[number];
    object.dtype = storage->dtype();
    object.storage = StoragePtr(storage);
    lua_pushlightuserdata(lua, storage);
    remember(number);
    return number;
}

std::size_t Collector::tensor_at(int index) {
    Storage* storage = check_tensor(lua, index).storage.get();
    const bool has_storage = check_tensor(lua, index).dims > 0;
    const std::size_t held = has_storage ? storage_at(storage) : 0;
    const std::size_t number = add_object(T7Object::Kind::tensor);
    run(lua, [&] {
        const Tensor& tensor = check_tensor(lua, index);
        T7Object& object = work.document.objects[number];
        object.dtype = tensor.dtype();
        object.layout.assign(tensor.sizes, tensor.sizes + tensor.dims);
        object.layout.insert(object.layout.end(), tensor.strides, tensor.strides + tensor.dims);
        object.layout.push_back(tensor.offset);
        T7Value value;
        value.kind = has_storage ? T7Value::Kind::object : T7Value::Kind::nil;
        value.at = held;
        object.values.push_back(value);
    });
    lua_pushvalue(lua, index);
    remember(number);
    return number;
}

T7Value Collector::value_at(int index, bool is_key) {
    T7Value value;
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            return value;
        case LUA_TNUMBER:
            return number_at(index);
        case LUA_TBOOLEAN:
            value.kind = T7Value::Kind::boolean;
            value.boolean = lua_toboolean(lua, index) != 0;
            return value;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            if (length > std::size_t(INT32_MAX))
                luaL_error(lua, "%s: a string of %I bytes is longer than the format can count",
                           function, lua_Integer(length));
            value.kind = T7Value::Kind::string;
            value.length = std::uint32_t(length);
            value.at = work.document.text.size();
            run(lua, [&] { work.document.text.append(text, length); });
            return value;
        }
        default:
            break;
    }
    value.kind = T7Value::Kind::object;
    lua_pushvalue(lua, index);
    if (lua_rawget(lua, seen) == LUA_TNUMBER) {
        value.at = std::uint64_t(lua_tointeger(lua, -1));
        lua_pop(lua, 1);
        return value;
    }
    lua_pop(lua, 1);
    if (lua_istable(lua, index))
        value.at = table_at(index);
    else if (test_tensor(lua, index) != nullptr)
        value.at = tensor_at(index);
    else if (const StorageObject* object = test_storage(lua, index))
        value.at = storage_at(object->storage.get());
    else
        refuse(index, is_key);
    return value;
}

/// The entries of the table that is the source of object `number`.
void Collector::collect_entries(std::size_t number) {
    if (lua_rawgeti(lua, sources, lua_Integer(number)) != LUA_TTABLE) {
        lua_pop(lua, 1);
        return;
    }
    const int table = lua_gettop(lua);
    lua_pushnil(lua);
    while (lua_next(lua, table) != 0) {
        const T7Value key = value_at(table + 1, true);
        const T7Value value = value_at(table + 2, false);
        run(lua, [&] {
            auto& values = work.document.objects[number].values;
            values.push_back(key);
            values.push_back(value);
        });
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    lua_pushnil(lua);  // read: its memory may go
    lua_rawseti(lua, sources, lua_Integer(number));
}

}  // namespace

void collect_value(lua_State* lua, T7Work& work, int index, int torch, const char* function) {
    luaL_checkstack(lua, 20, function);
    lua_newtable(lua);
    lua_newtable(lua);
    Collector collector{lua, work, torch, lua_gettop(lua) - 1, lua_gettop(lua), function};
    const T7Value root = collector.value_at(index, false);
    work.document.root = root;
    for (std::size_t i = 0; i < work.document.objects.size(); ++i) collector.collect_entries(i);
    lua_pop(lua, 2);
}

}  // namespace ipcrun::lua
