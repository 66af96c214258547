// SPDX-License-Identifier: Apache-2.0
// Putting values together from their tokens.
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/loaded.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/torch/classes.hpp"

namespace ipcrun::lua {

namespace {

// A value that is being put together. On the stack stand, for each table that is being filled, the
// table, and the key that waits for its value; for each function itself, and which of its upvalues
// waits.
struct Rebuild {
    lua_State* lua;
    Cargo& in;
    const char* operation;
    int objects;  // the stack index of the table: number + 1 -> object
    // That of the table: 2 * number + 1 -> a function that has this cell, and behind it, as which
    // of its upvalues.
    int cells;
    lua_Integer count = 0;
    lua_Integer cell_count = 0;

    void keep() {
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, objects, ++count);
    }
    void push(const Token& token);
    void push_function(const Token& token);
    void check_upvalue(int which) const;
    void begin_upvalue(int which);
    void join_upvalue(int which, std::uint32_t cell) const;
    void settle(Token::Role role) const;
};

void Rebuild::push_function(const Token& token) {
    luaL_checkstack(lua, 10, operation);
    // "b": what is no bytecode of this Lua is refused, and text is never run.
    if (luaL_loadbufferx(lua, token.text.data(), token.text.size(), "=message", "b") != LUA_OK)
        luaL_error(lua, "%s: a function of the message cannot be loaded: %s", operation,
                   lua_tostring(lua, -1));
    keep();
}

// The function is on top of the stack. Asked of Lua: bytecode alone knows how many it has.
void Rebuild::check_upvalue(int which) const {
    if (lua_getupvalue(lua, -1, which) == nullptr)
        luaL_error(lua, "%s: the message cannot be taken apart: a function has no upvalue %d",
                   operation, which);
    lua_pop(lua, 1);
}

void Rebuild::begin_upvalue(int which) {
    check_upvalue(which);
    if (cell_count == 0) {
        lua_newtable(lua);
        lua_replace(lua, cells);
    }
    lua_pushvalue(lua, -1);
    lua_rawseti(lua, cells, 2 * cell_count + 1);
    lua_pushinteger(lua, which);
    lua_rawseti(lua, cells, 2 * cell_count + 2);
    ++cell_count;
    lua_pushinteger(lua, which);
}

void Rebuild::join_upvalue(int which, std::uint32_t cell) const {
    check_upvalue(which);
    lua_rawgeti(lua, cells, 2 * lua_Integer(cell) + 2);
    const auto other = static_cast<int>(lua_tointeger(lua, -1));
    lua_rawgeti(lua, cells, 2 * lua_Integer(cell) + 1);
    lua_upvaluejoin(lua, -3, which, -1, other);
    lua_pop(lua, 2);
}

void Rebuild::push(const Token& token) {
    switch (token.tag) {
        case Tag::nil:
            return lua_pushnil(lua);
        case Tag::no:
        case Tag::yes:
            return lua_pushboolean(lua, token.tag == Tag::yes);
        case Tag::integer:
            return lua_pushinteger(lua, token.integer);
        case Tag::number:
            return lua_pushnumber(lua, token.number);
        case Tag::string:
            lua_pushlstring(lua, token.text.data(), token.text.size());
            return;
        case Tag::table:
        case Tag::object:
            luaL_checkstack(lua, 10, operation);
            lua_createtable(lua, static_cast<int>(token.items), static_cast<int>(token.fields));
            if (token.tag == Tag::object) {
                if (token.text == error_class_name)
                    push_error_metatable(lua);
                else
                    push_class(lua, token.text.data(), token.text.size());
                lua_setmetatable(lua, -2);
            }
            return keep();
        case Tag::again:
            lua_rawgeti(lua, objects, lua_Integer(token.index) + 1);
            return;
        case Tag::tensor: {
            Tensor& tensor = push_tensor(lua);
            tensor = in.tensor(token.index);
            return keep();
        }
        case Tag::storage: {
            // First the one, then the other: a share that is already taken would be lost when
            // memory runs out.
            StorageObject& object = push_storage(lua);
            object.storage = in.block(token.index);
            return keep();
        }
        case Tag::handle:
            push_handle(lua, in.handle(token.index));
            return keep();
        case Tag::foreign:
            push_foreign(lua, token.text, token.field, operation);
            return keep();
        case Tag::function:
            return push_function(token);
        case Tag::upvalue:
            return begin_upvalue(token.which);
        case Tag::shared:
            return join_upvalue(token.which, token.index);
        case Tag::environment:
            check_upvalue(token.which);
            lua_pushglobaltable(lua);
            lua_setupvalue(lua, -2, token.which);
            return;
        case Tag::globals:
            return lua_pushglobaltable(lua);
        case Tag::module:
            return push_loaded(lua, {token.text, {}, false}, operation);
        case Tag::member:
            return push_loaded(lua, {token.text, token.field, true}, operation);
        case Tag::end:  // what ends is there, below what was put into it
            return;
    }
}

// Puts the value on top, which is complete, where it belongs.
void Rebuild::settle(Token::Role role) const {
    if (role == Token::Role::value) {
        lua_rawset(lua, -3);
    } else if (role == Token::Role::upvalue) {
        lua_setupvalue(lua, -3, static_cast<int>(lua_tointeger(lua, -2)));
        lua_pop(lua, 1);
    }
}

// What makes the receiver run or change something of its own, by being called.
bool is_function(Tag tag) {
    return tag == Tag::function || tag == Tag::globals || tag == Tag::module ||
           tag == Tag::member || tag == Tag::foreign;
}

}  // namespace

void unmarshal(lua_State* lua, Cargo& cargo, const char* operation, Functions functions) {
    luaL_checkstack(lua, 10, operation);
    lua_newtable(lua);
    lua_pushnil(lua);  // becomes the table of cells, once there is one
    const int top = lua_gettop(lua);
    Rebuild rebuild{lua, cargo, operation, top - 1, top};
    Token token;
    while (cargo.tokens().next(token)) {
        if (functions == Functions::refused && is_function(token.tag))
            luaL_error(lua, "%s: the message has functions or modules, which are not taken here",
                       operation);
        rebuild.push(token);
        if (token.tag != Tag::table && token.tag != Tag::object && token.tag != Tag::function)
            rebuild.settle(token.role);
    }
    if (cargo.tokens().error() != nullptr)
        luaL_error(lua, "%s: the message cannot be taken apart: %s", operation,
                   cargo.tokens().error());
    lua_replace(lua, rebuild.objects);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
