// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/marshal.hpp"

#include <algorithm>
#include <bitset>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* outgoing_name = "ipcrun.outgoing";
constexpr const char* incoming_name = "ipcrun.incoming";

// One walk over a value. Tables are not visited by recursion: a list of ten thousand links is one
// level each. On the stack stand, for each table that is being visited, the table, the key, and
// the value.
struct Walk {
    lua_State* lua;
    Outgoing& out;
    const char* operation;
    int seen = 0;    // the stack index of the table of objects that were met: object -> number
    int bottom = 0;  // the stack index of the first level
    int depth = 0;
    std::uint32_t objects = 0;
    std::bitset<token_depth_max + 1> visits_key = {};  // the key of this level is a table

    [[noreturn]] void refuse(const char* what) const;
    void push_place() const;
    bool add_again(int object);
    bool add_table(int index);
    void add_userdata(int index);
    bool add(int index);
    void enter(int index);
    void add_all(int index);
};
static_assert(std::is_trivially_destructible_v<Walk>);

// Pushes "layers[2].callback": the keys that lead to where the walk is.
void Walk::push_place() const {
    luaL_checkstack(lua, 10, operation);
    constexpr int shown_max = 20;
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int level = 0; level < std::min(depth, shown_max); ++level) {
        const int key = bottom + 3 * level + 1;
        if (lua_type(lua, key) == LUA_TSTRING)
            lua_pushfstring(lua, level == 0 ? "%s" : ".%s", lua_tostring(lua, key));
        else if (lua_isinteger(lua, key) != 0)
            lua_pushfstring(lua, "[%I]", lua_tointeger(lua, key));
        else if (lua_type(lua, key) == LUA_TNUMBER)
            lua_pushfstring(lua, "[%f]", lua_tonumber(lua, key));
        else
            lua_pushfstring(lua, "[a %s]", luaL_typename(lua, key));
        luaL_addvalue(&text);
    }
    if (depth > shown_max) luaL_addstring(&text, "…");
    luaL_pushresult(&text);
}

void Walk::refuse(const char* what) const {
    if (depth == 0) luaL_error(lua, "%s: the value is %s, which cannot be sent", operation, what);
    push_place();
    if (visits_key[depth])
        luaL_error(lua, "%s: the key '%s' of the table is %s, which cannot be sent", operation,
                   lua_tostring(lua, -1), what);
    luaL_error(lua, "%s: field '%s' of the table is %s, which cannot be sent", operation,
               lua_tostring(lua, -1), what);
    __builtin_unreachable();
}

// An object that was met before is named; one that was not gets the next number.
bool Walk::add_again(int object) {
    lua_pushvalue(lua, object);
    if (lua_rawget(lua, seen) == LUA_TNUMBER) {
        out.tokens.add_index(Tag::again, static_cast<std::uint32_t>(lua_tointeger(lua, -1)));
        lua_pop(lua, 1);
        return true;
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, object);
    lua_pushinteger(lua, objects++);
    lua_rawset(lua, seen);
    return false;
}

// True when the table is to be visited.
bool Walk::add_table(int index) {
    if (seen == 0) {
        lua_newtable(lua);
        lua_replace(lua, bottom - 1);
        seen = bottom - 1;
    }
    if (add_again(index)) return false;
    if (depth == token_depth_max)
        luaL_error(lua, "%s: tables are nested more than %d deep", operation, token_depth_max);
    // What lua_createtable should know: the items of a list; other fields are not counted.
    out.tokens.begin_table(
        static_cast<std::uint32_t>(std::min<lua_Unsigned>(lua_rawlen(lua, index), 1 << 30)), 0);
    return true;
}

void Walk::add_userdata(int index) {
    const Tensor* tensor = test_tensor(lua, index);
    const StorageObject* storage = tensor == nullptr ? test_storage(lua, index) : nullptr;
    if (tensor == nullptr && storage == nullptr) {
        if (luaL_getmetafield(lua, index, "__name") != LUA_TSTRING)
            refuse("a userdata of another library");
        refuse(lua_pushfstring(lua, "a %s", lua_tostring(lua, -1)));
    }
    // At the top there is nothing to share it with.
    if (seen != 0) {
        if (add_again(index)) return;
        // Anew: a finaliser may have run.
        tensor = test_tensor(lua, index);
        storage = tensor == nullptr ? &check_storage(lua, index) : nullptr;
    }
    if (tensor != nullptr)
        out.tokens.add_index(Tag::tensor, out.add_tensor(*tensor));
    else
        out.tokens.add_index(Tag::storage, out.add_storage(storage->storage));
}

// Adds the value at `index`; true when it is a table that is to be visited.
bool Walk::add(int index) {
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            out.tokens.add(Tag::nil);
            return false;
        case LUA_TBOOLEAN:
            out.tokens.add(lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no);
            return false;
        case LUA_TNUMBER:
            if (lua_isinteger(lua, index) != 0)
                out.tokens.add_integer(lua_tointeger(lua, index));
            else
                out.tokens.add_number(lua_tonumber(lua, index));
            return false;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            out.tokens.add_string({text, length});
            return false;
        }
        case LUA_TTABLE:
            return add_table(index);
        case LUA_TUSERDATA:
            add_userdata(index);
            return false;
        default:
            // Functions will be dumped here, with what they have closed over.
            refuse(lua_pushfstring(lua, "a %s", luaL_typename(lua, index)));
    }
}

// Goes into the table at `index`.
void Walk::enter(int index) {
    ++depth;
    luaL_checkstack(lua, 20, operation);
    lua_pushvalue(lua, index);
    lua_pushnil(lua);
}

// The stack of each level: table, key, value.
void Walk::add_all(int index) {
    lua_pushnil(lua);  // becomes the table of objects that were met, once one was
    bottom = lua_gettop(lua) + 1;
    if (add(index)) enter(index);
    while (depth > 0) {
        if (lua_next(lua, -2) != 0) {
            visits_key[depth] = true;
            if (add(lua_gettop(lua) - 1)) {
                enter(lua_gettop(lua) - 1);
                continue;
            }
        } else {
            out.tokens.end_table();
            lua_pop(lua, 1);
            if (--depth == 0) break;
        }
        // Either way there are a table, a key and a value now.
        if (visits_key[depth]) {
            visits_key[depth] = false;
            if (add(lua_gettop(lua))) {
                enter(lua_gettop(lua));
                continue;
            }
        }
        lua_pop(lua, 1);
    }
    lua_settop(lua, bottom - 2);
}

// A value that is being put together.
struct Rebuild {
    lua_State* lua;
    Incoming& in;
    const char* operation;
    int objects = 0;  // the stack index of the table: number + 1 -> object
    lua_Integer count = 0;

    void keep() {
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, objects, ++count);
    }
    void push(const Token& token);
};

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
            luaL_checkstack(lua, 10, operation);
            lua_createtable(lua, static_cast<int>(token.items), static_cast<int>(token.fields));
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
        case Tag::end:  // the table is there, below what was pushed into it
            return;
    }
}

}  // namespace

void register_marshal(lua_State* lua) {
    for (const auto& [name, collector] :
         {std::pair<const char*, lua_CFunction>{outgoing_name, collect<Outgoing>},
          {incoming_name, collect<Incoming>}}) {
        luaL_newmetatable(lua, name);
        lua_pushcfunction(lua, collector);
        lua_setfield(lua, -2, "__gc");
        lua_pop(lua, 1);
    }
}

Outgoing& push_outgoing(lua_State* lua) {
    return create_userdata<Outgoing>(lua, outgoing_name);
}

Incoming& push_incoming(lua_State* lua) {
    return create_userdata<Incoming>(lua, incoming_name);
}

void marshal(lua_State* lua, int index, Outgoing& outgoing, const char* operation) {
    Walk walk{lua, outgoing, operation};
    walk.add_all(lua_absindex(lua, index));
}

void unmarshal(lua_State* lua, Incoming& incoming, const char* operation) {
    luaL_checkstack(lua, 10, operation);
    lua_newtable(lua);
    Rebuild rebuild{lua, incoming, operation, lua_gettop(lua)};
    Token token;
    // On the stack stand, for each table that is being filled, the table, and the key that waits
    // for its value.
    while (incoming.tokens().next(token)) {
        rebuild.push(token);
        if (token.tag != Tag::table && token.role == Token::Role::value) lua_rawset(lua, -3);
    }
    if (incoming.tokens().error() != nullptr)
        luaL_error(lua, "%s: the message cannot be taken apart: %s", operation,
                   incoming.tokens().error());
    lua_remove(lua, rebuild.objects);
}

}  // namespace ipcrun::lua
