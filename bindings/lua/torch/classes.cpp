// SPDX-License-Identifier: Apache-2.0
// torch.typename and its kin, over the classes that lua/torch/class.lua defines: two tables in the
// registry, from names to the metatables of objects and back.
#include "bindings/lua/torch/classes.hpp"

#include <string_view>

#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/parts.hpp"

namespace ipcrun::lua {

namespace {

// Their addresses are the keys of the registry.
const char classes_key = 0;  // name -> metatable
const char names_key = 0;    // metatable -> name

constexpr std::string_view own_prefix = "torch.";

void push_table(lua_State* lua, const char* key) {
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
    lua_pop(lua, 1);
    lua_newtable(lua);
    lua_pushvalue(lua, -1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, key);
}

/// Pushes the metatable of that name, or nil.
void push_known(lua_State* lua, const char* name, std::size_t length) {
    push_table(lua, &classes_key);
    lua_pushlstring(lua, name, length);
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
}

/// torch.class gives every class a metatable, by which it makes objects; a placeholder has none.
bool is_defined(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TTABLE || lua_getmetatable(lua, index) == 0) return false;
    lua_pop(lua, 1);
    return true;
}

/// Pushes the metatable of that name, a placeholder if need be.
void push_or_create(lua_State* lua, const char* name, std::size_t length) {
    push_known(lua, name, length);
    if (!lua_isnil(lua, -1)) return;
    lua_pop(lua, 1);
    push_table(lua, &classes_key);
    push_table(lua, &names_key);
    lua_newtable(lua);
    const int made = lua_gettop(lua);
    lua_pushvalue(lua, made);
    lua_setfield(lua, made, "__index");
    lua_pushlstring(lua, name, length);
    lua_setfield(lua, made, "__typename");
    // The names first: a class that is known has one, whatever memory runs out in between.
    lua_pushvalue(lua, made);
    lua_pushlstring(lua, name, length);
    lua_rawset(lua, made - 1);
    lua_pushlstring(lua, name, length);
    lua_pushvalue(lua, made);
    lua_rawset(lua, made - 2);
    lua_replace(lua, made - 2);
    lua_pop(lua, 1);
}

/// "torch.CmdLine": looks it up in the module, which loads it.
void load_own(lua_State* lua, const char* name, std::size_t length) {
    const std::string_view full(name, length);
    if (full.substr(0, own_prefix.size()) != own_prefix) return;
    const int top = lua_gettop(lua);
    lua_getfield(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushliteral(lua, "torch");
    if (lua_rawget(lua, -2) == LUA_TTABLE) {
        lua_pushlstring(lua, name + own_prefix.size(), length - own_prefix.size());
        lua_gettable(lua, -2);
    }
    lua_settop(lua, top);
}

/// For class.lua: the metatable of a name, new or as it was.
int reserve(lua_State* lua) {
    std::size_t length = 0;
    const char* name = luaL_checklstring(lua, 1, &length);
    push_or_create(lua, name, length);
    return 1;
}

/// Pushes the class name of an object, or nil.
void push_typename(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TUSERDATA) {
        if (!push_class_name(lua, index)) lua_pushnil(lua);
    } else if (const Tensor* tensor = test_tensor(lua, index)) {
        lua_pushstring(lua, tensor_name_of(tensor->dtype()));
    } else if (const StorageObject* storage = test_storage(lua, index)) {
        lua_pushstring(lua, storage_name_of(storage->storage->dtype()));
    } else if (luaL_getmetafield(lua, index, "__typename") == LUA_TNIL) {
        lua_pushnil(lua);
    }
}

/// torch.typename(object) -> its class name, or nil
int type_name(lua_State* lua) {
    push_typename(lua, 1);
    return 1;
}

/// torch.type(object) -> its class name, or else what Lua's type() says
int type(lua_State* lua) {
    push_typename(lua, 1);
    if (lua_isnil(lua, -1))
        lua_pushstring(lua, lua_type(lua, 1) < 0 ? "nil" : luaL_typename(lua, 1));
    return 1;
}

/// torch.getmetatable(name) -> the methods of a class. All tensor types share one table.
int get_metatable(lua_State* lua) {
    std::size_t length = 0;
    const char* name = luaL_checklstring(lua, 1, &length);
    Dtype dtype;
    if (parse_type_name(name, dtype) && std::strcmp(name, tensor_name_of(dtype)) == 0)
        lua_pushvalue(lua, lua_upvalueindex(1));
    else if (!push_defined_class(lua, name, length))
        lua_pushnil(lua);
    return 1;
}

/// The functions that are written in Lua: the name is an upvalue. Functions of C, so that a
/// function that uses them as upvalues finds those of the state that it is sent to.
int call_class_function(lua_State* lua) {
    lua_pushcfunction(lua, reserve);
    push_part(lua, lua_upvalueindex(1), "class", 1);
    lua_pushvalue(lua, lua_upvalueindex(2));
    lua_rawget(lua, -2);
    lua_insert(lua, 1);
    lua_pop(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

}  // namespace

bool push_class_name(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TTABLE) return false;
    luaL_checkstack(lua, 3, "the name of a class");
    if (lua_getmetatable(lua, index) == 0) return false;
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &names_key) == LUA_TTABLE) {
        lua_insert(lua, -2);
        if (lua_rawget(lua, -2) == LUA_TSTRING) {
            lua_remove(lua, -2);
            return true;
        }
    }
    lua_pop(lua, 2);
    return false;
}

bool push_defined_class(lua_State* lua, const char* name, std::size_t length) {
    luaL_checkstack(lua, 10, "a class");
    push_known(lua, name, length);
    if (is_defined(lua, -1)) return true;
    lua_pop(lua, 1);
    load_own(lua, name, length);
    push_known(lua, name, length);
    if (is_defined(lua, -1)) return true;
    lua_pop(lua, 1);
    return false;
}

void push_class(lua_State* lua, const char* name, std::size_t length) {
    if (!push_defined_class(lua, name, length)) push_or_create(lua, name, length);
}

void register_classes(lua_State* lua, int torch, int methods) {
    static const luaL_Reg functions[] = {
        {"typename", type_name}, {"type", type}, {nullptr, nullptr}};
    lua_pushvalue(lua, torch);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
    lua_pushvalue(lua, methods);
    lua_pushcclosure(lua, get_metatable, 1);
    lua_setfield(lua, torch, "getmetatable");
    for (const char* name : {"class", "factory", "isTypeOf"}) {
        lua_pushvalue(lua, torch);
        lua_pushstring(lua, name);
        lua_pushcclosure(lua, call_class_function, 2);
        lua_setfield(lua, torch, name);
    }
}

}  // namespace ipcrun::lua
