// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/value.hpp"

#include <algorithm>
#include <bit>

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipcrun.value";
constexpr const char* sort_key = "ipcrun.sort";
constexpr int depth_max = 100;
// In the layout, for each boolean.
constexpr std::uint64_t boolean_mark = 0x626f'6f6c;

// A number may be an integer on one rank and a float on another: the result is an integer when all
// are. Each rank adds a mark, chosen so that the operation keeps it apart from "none is a float".
double float_mark(Op op) {
    switch (op) {
        case Op::prod:
            return 2;
        case Op::min:
            return -1;
        default:
            return 1;
    }
}
double integer_mark(Op op) {
    return op == Op::prod ? 1 : 0;
}

bool is_logical(Op op) {
    return op == Op::land || op == Op::lor || op == Op::lxor;
}
bool is_bitwise(Op op) {
    return op == Op::band || op == Op::bor || op == Op::bxor;
}

// For table.sort: numbers before strings, each in their own order.
int key_less(lua_State* lua) {
    const bool first_is_number = lua_type(lua, 1) == LUA_TNUMBER;
    const bool second_is_number = lua_type(lua, 2) == LUA_TNUMBER;
    lua_pushboolean(lua, first_is_number == second_is_number ? lua_compare(lua, 1, 2, LUA_OPLT)
                                                             : first_is_number);
    return 1;
}

}  // namespace

void register_value(lua_State* lua) {
    luaL_newmetatable(lua, metatable_name);
    lua_pushcfunction(lua, collect<Value>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
    // table.sort as it is, whatever scripts put in its place later.
    luaL_requiref(lua, LUA_TABLIBNAME, luaopen_table, 0);
    lua_getfield(lua, -1, "sort");
    lua_setfield(lua, LUA_REGISTRYINDEX, sort_key);
    lua_pop(lua, 1);
}

Value& push_value(lua_State* lua) {
    return create_userdata<Value>(lua, metatable_name);
}

void Value::take_apart(lua_State* lua, int index, const char* operation) {
    index = lua_absindex(lua, index);
    lua_newtable(lua);  // holders: for each number the table it is in, and its key
    add(lua, index, lua_gettop(lua), 0, operation);
    is_boolean_ = lua_type(lua, index) == LUA_TBOOLEAN;
    is_number_ = is_boolean_ || lua_type(lua, index) == LUA_TNUMBER;
    is_table_ = lua_type(lua, index) == LUA_TTABLE;
}

void Value::load(lua_State* lua, int index, const char* operation) {
    take_apart(lua, index, operation);
}

bool Value::try_load(lua_State* lua, int index, const char* operation) {
    raises_ = false;
    take_apart(lua, index, operation);
    return !is_refused_;
}

void Value::add_tensor(lua_State* lua, const Tensor& tensor, const char* operation) {
    const Failure failure = attempt([&] {
        check_writable(view_of(tensor), operation);
        tensors_.push_back(tensor);
    });
    if (failure) raise_string(lua, failure);
}

void Value::add_number(lua_State* lua, int index) {
    using Kind = NumberLeaf::Kind;
    NumberLeaf leaf{0, 0, Kind::boolean};
    if (lua_isboolean(lua, index)) {
        leaf.integer = lua_toboolean(lua, index);
        leaf.real = static_cast<double>(leaf.integer);
        layout_.add(boolean_mark);
    } else {
        leaf.real = lua_tonumber(lua, index);
        leaf.kind = lua_isinteger(lua, index) != 0 ? Kind::integer : Kind::real;
        leaf.integer = leaf.kind == Kind::integer ? lua_tointeger(lua, index) : 0;
    }
    if (const Failure failure = attempt([&] { numbers_.push_back(leaf); }))
        raise_string(lua, failure);
}

void Value::add(lua_State* lua, int index, int holders, int depth, const char* operation) {
    if (is_refused_) return;
    if (const Tensor* tensor = test_tensor(lua, index)) return add_tensor(lua, *tensor, operation);
    if (const StorageObject* object = test_storage(lua, index)) {
        const Failure failure = attempt([&] {
            Tensor whole;
            whole.storage = object->storage;
            whole.dims = 1;
            whole.sizes[0] = static_cast<std::int64_t>(object->storage->count());
            whole.strides[0] = 1;
            tensors_.push_back(std::move(whole));
        });
        if (failure) raise_string(lua, failure);
        return;
    }
    switch (lua_type(lua, index)) {
        case LUA_TNUMBER:
        case LUA_TBOOLEAN:
            return add_number(lua, index);
        case LUA_TTABLE:
            return add_table(lua, index, holders, depth, operation);
        default:
            is_refused_ = true;
            if (raises_)
                luaL_error(lua,
                           "%s: cannot work on a %s; tensors, storages, numbers, booleans, and "
                           "tables of these can take part",
                           operation, luaL_typename(lua, index));
    }
}

// How many keys of the table at `index` are there; pushes a list of them. A key that has no order
// of its own is refused.
int Value::collect_keys(lua_State* lua, int index, const char* operation) {
    lua_newtable(lua);
    const int keys = lua_gettop(lua);
    int count = 0;
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TNUMBER && lua_type(lua, -1) != LUA_TSTRING) {
            is_refused_ = true;
            if (raises_)
                luaL_error(lua,
                           "%s: a table key is a %s; numbers and strings have the same order on "
                           "every rank",
                           operation, luaL_typename(lua, -1));
        }
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, keys, ++count);
    }
    return count;
}

// A key of two words for a number (integer or not, its bits), or of its length and text.
void Value::add_key(lua_State* lua, int index) {
    if (lua_type(lua, index) == LUA_TSTRING) {
        std::size_t length = 0;
        const char* text = lua_tolstring(lua, index, &length);
        layout_.add(length + 2);
        layout_.add(std::string_view(text, length));
    } else if (lua_isinteger(lua, index) != 0) {
        layout_.add(std::uint64_t{0});
        layout_.add(static_cast<std::uint64_t>(lua_tointeger(lua, index)));
    } else {
        layout_.add(std::uint64_t{1});
        layout_.add(std::bit_cast<std::uint64_t>(lua_tonumber(lua, index)));
    }
}

void Value::add_table(lua_State* lua, int index, int holders, int depth, const char* operation) {
    if (depth == depth_max && !raises_) {
        is_refused_ = true;
        return;
    }
    if (depth == depth_max)
        luaL_error(lua, "%s: tables are nested more than %d deep, or contain themselves", operation,
                   depth_max);
    luaL_checkstack(lua, 12, operation);
    const int count = collect_keys(lua, index, operation);
    const int keys = lua_gettop(lua);
    if (is_refused_) return lua_settop(lua, keys - 1);
    lua_getfield(lua, LUA_REGISTRYINDEX, sort_key);
    lua_pushvalue(lua, keys);
    lua_pushcfunction(lua, key_less);
    lua_call(lua, 2, 0);
    lua_settop(lua, keys);
    layout_.add(~static_cast<std::uint64_t>(count));  // no key begins like this
    for (int i = 1; i <= count; ++i) {
        lua_rawgeti(lua, keys, i);
        add_key(lua, -1);
        lua_pushvalue(lua, -1);
        lua_rawget(lua, index);
        if (lua_type(lua, -1) == LUA_TNUMBER || lua_isboolean(lua, -1)) {
            const auto slot = static_cast<lua_Integer>(lua_rawlen(lua, holders));
            lua_pushvalue(lua, index);
            lua_rawseti(lua, holders, slot + 1);
            lua_pushvalue(lua, -2);
            lua_rawseti(lua, holders, slot + 2);
        }
        add(lua, lua_gettop(lua), holders, depth + 1, operation);
        lua_settop(lua, keys);
    }
    lua_settop(lua, keys - 1);
}

void Value::pack(Op op, bool combines) {
    op_ = op;
    for (const Tensor& tensor : tensors_) {
        Part part{tensor.data(), static_cast<std::size_t>(tensor.count()), tensor.dtype()};
        if (!tensor.is_contiguous()) {
            part.sizes = {tensor.sizes, static_cast<std::size_t>(tensor.dims)};
            part.strides = {tensor.strides, static_cast<std::size_t>(tensor.dims)};
        }
        parts_.push_back(part);
    }
    for (const NumberLeaf& number : numbers_) {
        using Kind = NumberLeaf::Kind;
        if (is_bitwise(op) && number.kind == Kind::real)
            fail(ErrorCode::usage, "'{}' is defined for integers, and {} is none", name_of(op),
                 number.real);
        if (combines && number.kind == Kind::boolean && !is_logical(op))
            fail(ErrorCode::usage, "'{}' is not defined for booleans (there are: land, lor, lxor)",
                 name_of(op));
        integers_.push_back(is_logical(op) ? number.real != 0 : number.integer);
        reals_.push_back(number.real);
        reals_.push_back(number.kind == Kind::real ? float_mark(op) : integer_mark(op));
    }
    if (numbers_.empty()) return;
    if (!is_logical(op) && !is_bitwise(op))
        parts_.push_back({reals_.data(), reals_.size(), Dtype::f64});
    parts_.push_back({integers_.data(), integers_.size(), Dtype::i64});
}

void Value::unpack() {
    using Kind = NumberLeaf::Kind;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
        NumberLeaf& number = numbers_[i];
        number.real = reals_[2 * i];
        number.integer = integers_[i];
        if (number.kind == Kind::boolean) continue;
        const bool all_integers = is_logical(op_) || is_bitwise(op_) ||
                                  (reals_[2 * i + 1] == integer_mark(op_) && op_ != Op::avg);
        number.kind = all_integers ? Kind::integer : Kind::real;
    }
}

int Value::store(lua_State* lua, int index, int holders) {
    const auto push = [lua](const NumberLeaf& number) {
        if (number.kind == NumberLeaf::Kind::boolean)
            lua_pushboolean(lua, number.integer != 0);
        else if (number.kind == NumberLeaf::Kind::integer)
            lua_pushinteger(lua, number.integer);
        else
            lua_pushnumber(lua, number.real);
    };
    if (is_number_) {
        push(numbers_[0]);
        return 1;
    }
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
        lua_rawgeti(lua, holders, static_cast<lua_Integer>(2 * i + 1));
        lua_rawgeti(lua, holders, static_cast<lua_Integer>(2 * i + 2));
        push(numbers_[i]);
        lua_rawset(lua, -3);
        lua_pop(lua, 1);
    }
    lua_pushvalue(lua, index);
    return 1;
}

}  // namespace ipcrun::lua
