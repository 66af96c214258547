// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/marshal.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/loaded.hpp"
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* outgoing_name = "ipcrun.outgoing";
constexpr const char* incoming_name = "ipcrun.incoming";
constexpr std::size_t foreign_text_max = 256;

// What a value asks of the walk.
enum class Step : std::uint8_t {
    next,     // it is there
    enter,    // what is in it follows
    restart,  // see Walk::meet_function
};

// One walk over a value. Neither tables nor functions are visited by recursion: a list of ten
// thousand links is one level each. On the stack stand, for each one that is being visited: itself;
// the key, or which upvalue; and the value.
struct Walk {
    lua_State* lua;
    Carrier& out;
    const char* operation;
    Closures closures;
    int seen = 0;    // the stack index of what was met: object -> number, address of a cell -> too
    int bottom = 0;  // the stack index of the first level
    int depth = 0;
    std::uint32_t objects = 0;
    std::uint32_t cells = 0;
    const void* globals = nullptr;
    bool has_functions = false;
    // Of what is being visited: is it a function; is a key what is added?
    bool in_function = false;
    bool at_key = false;
    std::bitset<token_depth_max + 1> was_at_key = {};  // of the levels above

    [[noreturn]] void refuse(const char* what) const;
    void push_place() const;
    void make_seen();
    bool add_again(int object);
    bool add_name(int index);
    bool meet_function();
    void check_depth() const;
    Step add_table(int index);
    Step add_function(int index);
    void add_userdata(int index);
    void add_handle(int index, const HandleObject& handle);
    void add_foreign(const char* type_name, const HandleObject& handle);
    void check_closure(int index) const;
    Step add(int index);
    void enter(int index);
    bool next_upvalue();
    void leave();
    int next();
    bool run(int index);
};
static_assert(std::is_trivially_destructible_v<Walk>);

// Pushes "layers[2].callback (upvalue counter).x": the keys that lead to where the walk is.
void Walk::push_place() const {
    luaL_checkstack(lua, 10, operation);
    constexpr int shown_max = 20;
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int level = 0; level < std::min(depth, shown_max); ++level) {
        const int key = bottom + 3 * level + 1;
        if (lua_isfunction(lua, key - 1)) {
            const auto which = static_cast<int>(lua_tointeger(lua, key));
            const char* name = lua_getupvalue(lua, key - 1, which);
            if (name != nullptr) lua_pop(lua, 1);
            lua_pushfstring(lua, level == 0 ? "%s" : " (upvalue %s)", name);
        } else if (lua_type(lua, key) == LUA_TSTRING) {
            lua_pushfstring(lua, level == 0 ? "%s" : ".%s", lua_tostring(lua, key));
        } else if (lua_isinteger(lua, key) != 0) {
            lua_pushfstring(lua, "[%I]", lua_tointeger(lua, key));
        } else if (lua_type(lua, key) == LUA_TNUMBER) {
            lua_pushfstring(lua, "[%f]", lua_tonumber(lua, key));
        } else {
            lua_pushfstring(lua, "[a %s]", luaL_typename(lua, key));
        }
        luaL_addvalue(&text);
    }
    if (depth > shown_max) luaL_addstring(&text, "…");
    luaL_pushresult(&text);
}

void Walk::refuse(const char* what) const {
    if (depth == 0) luaL_error(lua, "%s: the value is %s, which cannot be sent", operation, what);
    push_place();
    const bool is_table = lua_istable(lua, bottom);
    const char* kind = at_key ? "the key" : is_table ? "field" : "upvalue";
    luaL_error(lua, "%s: %s '%s' of the %s is %s, which cannot be sent", operation, kind,
               lua_tostring(lua, -1), is_table ? "table" : "function", what);
    __builtin_unreachable();
}

void Walk::make_seen() {
    if (seen != 0) return;
    lua_newtable(lua);
    lua_replace(lua, bottom - 1);
    seen = bottom - 1;
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

// What the receiver has under the same name goes by its name.
bool Walk::add_name(int index) {
    LoadedName name;
    if (!push_loaded_name(lua, index, name)) return false;
    if (name.is_member)
        out.tokens.add_member(name.module, name.field);
    else
        out.tokens.add_module(name.module);
    lua_pop(lua, 1);
    return true;
}

// Only values with functions in them pay for names of modules: these are learnt at the first
// function. False when a module was already walked into: then all begins anew, with the names.
bool Walk::meet_function() {
    if (has_functions) return true;
    has_functions = true;
    refresh_loaded_names(lua);
    return seen == 0 || !has_loaded_module(lua, seen);
}

void Walk::check_depth() const {
    if (depth == token_depth_max)
        luaL_error(lua, "%s: tables and functions are nested more than %d deep", operation,
                   token_depth_max);
}

Step Walk::add_table(int index) {
    if (lua_topointer(lua, index) == globals) {
        out.tokens.add(Tag::globals);
        return Step::next;
    }
    if (has_functions && add_name(index)) return Step::next;
    make_seen();
    if (add_again(index)) return Step::next;
    check_depth();
    // What lua_createtable should know: the items of a list; other fields are not counted.
    out.tokens.begin_table(
        static_cast<std::uint32_t>(std::min<lua_Unsigned>(lua_rawlen(lua, index), 1 << 30)), 0);
    return Step::enter;
}

int count_code(lua_State*, const void*, std::size_t size, void* bytes) {
    *static_cast<std::size_t*>(bytes) += size;
    return 0;
}

int write_code(lua_State*, const void* piece, std::size_t size, void* tokens) {
    static_cast<TokenWriter*>(tokens)->add_code({static_cast<const char*>(piece), size});
    return 0;
}

// As torch-ipc: _ENV alone may be there.
void Walk::check_closure(int index) const {
    const char* first = lua_getupvalue(lua, index, 1);
    if (first == nullptr) return;
    const char* second = lua_getupvalue(lua, index, 2);
    if (second == nullptr && std::strcmp(first, "_ENV") == 0) return lua_pop(lua, 1);
    lua_Debug info;
    lua_pushvalue(lua, index);
    lua_getinfo(lua, ">Su", &info);
    luaL_error(lua,
               "%s: the function at %s:%d is a closure with %d upvalues, '%s' among them, which do "
               "not go along here: give it their values as arguments, or send it by writeup() or "
               "ipc.marshal(f, true)",
               operation, info.short_src, info.linedefined, int(info.nups),
               std::strcmp(first, "_ENV") == 0 ? second : first);
}

Step Walk::add_function(int index) {
    if (!meet_function()) return Step::restart;
    if (add_name(index)) return Step::next;
    if (lua_iscfunction(lua, index) != 0) refuse("a C function that is in no loaded module");
    make_seen();
    if (add_again(index)) return Step::next;
    check_depth();
    if (closures == Closures::refused) check_closure(index);
    // Twice, since the length goes first. With its lines and names: tracebacks have them.
    std::size_t bytes = 0;
    lua_pushvalue(lua, index);
    lua_dump(lua, count_code, &bytes, 0);
    out.tokens.begin_function(bytes);
    lua_dump(lua, write_code, &out.tokens, 0);
    lua_pop(lua, 1);
    return Step::enter;
}

void Walk::add_handle(int index, const HandleObject& handle) {
    luaL_getmetafield(lua, index, "__name");
    const char* type_name = lua_tostring(lua, -1);
    if (!handle.holder) refuse(lua_pushfstring(lua, "a closed %s", type_name));
    make_seen();
    if (!add_again(index)) {
        // Anew: a finaliser may have closed it.
        if (!handle.holder) refuse(lua_pushfstring(lua, "a closed %s", type_name));
        if (out.takes_handles())
            out.tokens.add_index(Tag::handle, out.add_handle(handle.holder));
        else
            add_foreign(type_name, handle);
    }
    lua_pop(lua, 1);
}

void Walk::add_foreign(const char* type_name, const HandleObject& handle) {
    char text[foreign_text_max];
    std::size_t length = 0;
    const Failure failure = attempt([&] {
        const std::string described = handle.holder.get()->describe();
        length = described.size();
        std::memcpy(text, described.data(), std::min(length, sizeof text));
    });
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
    if (length == 0 || length > sizeof text)
        refuse(lua_pushfstring(lua, "a %s, which threads of one process share", type_name));
    out.tokens.add_foreign(type_name, {text, length});
}

void Walk::add_userdata(int index) {
    const Tensor* tensor = test_tensor(lua, index);
    const StorageObject* storage = tensor == nullptr ? test_storage(lua, index) : nullptr;
    if (tensor == nullptr && storage == nullptr) {
        if (const HandleObject* handle = test_handle(lua, index)) return add_handle(index, *handle);
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

// Adds the value at `index`, or its begin.
Step Walk::add(int index) {
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            out.tokens.add(Tag::nil);
            return Step::next;
        case LUA_TBOOLEAN:
            out.tokens.add(lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no);
            return Step::next;
        case LUA_TNUMBER:
            if (lua_isinteger(lua, index) != 0)
                out.tokens.add_integer(lua_tointeger(lua, index));
            else
                out.tokens.add_number(lua_tonumber(lua, index));
            return Step::next;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            out.tokens.add_string({text, length});
            return Step::next;
        }
        case LUA_TTABLE:
            return add_table(index);
        case LUA_TFUNCTION:
            return add_function(index);
        case LUA_TUSERDATA:
            add_userdata(index);
            return Step::next;
        default:
            refuse(lua_pushfstring(lua, "a %s", luaL_typename(lua, index)));
    }
}

// Goes into the table or function at `index`. The last nil stands for a value that is done.
void Walk::enter(int index) {
    was_at_key[depth++] = at_key;
    at_key = false;
    in_function = lua_isfunction(lua, index);
    luaL_checkstack(lua, 20, operation);
    lua_pushvalue(lua, index);
    lua_pushnil(lua);
    lua_pushnil(lua);
}

// As lua_next for the upvalues of a function: to the next one whose value is to be added.
bool Walk::next_upvalue() {
    auto which = static_cast<int>(lua_tointeger(lua, -1));
    const int function = lua_gettop(lua) - 1;
    lua_pop(lua, 1);
    while (const char* name = lua_getupvalue(lua, function, ++which)) {
        if (std::strcmp(name, "_ENV") == 0) {
            out.tokens.add_environment(static_cast<std::uint8_t>(which));
            lua_pop(lua, 1);
            continue;
        }
        const void* cell = lua_upvalueid(lua, function, which);
        if (lua_rawgetp(lua, seen, cell) == LUA_TNUMBER) {
            out.tokens.add_shared(static_cast<std::uint8_t>(which),
                                  static_cast<std::uint32_t>(lua_tointeger(lua, -1)));
            lua_pop(lua, 2);
            continue;
        }
        lua_pop(lua, 1);
        lua_pushinteger(lua, cells++);
        lua_rawsetp(lua, seen, cell);
        out.tokens.begin_upvalue(static_cast<std::uint8_t>(which));
        lua_pushinteger(lua, which);
        lua_insert(lua, -2);
        return true;
    }
    return false;
}

// Goes back to where what was visited stands.
void Walk::leave() {
    out.tokens.end();
    lua_pop(lua, 1);
    at_key = was_at_key[--depth];
    in_function = depth > 0 && lua_isfunction(lua, -3);
}

// The stack index of what is to be added next; 0 when nothing is left.
int Walk::next() {
    while (depth > 0) {
        if (at_key) {
            at_key = false;
            return lua_gettop(lua);
        }
        lua_pop(lua, 1);
        if (in_function) {
            if (next_upvalue()) return lua_gettop(lua);
        } else if (lua_next(lua, -2) != 0) {
            at_key = true;
            return lua_gettop(lua) - 1;
        }
        leave();
    }
    return 0;
}

// False when all is to begin anew.
bool Walk::run(int index) {
    lua_pushnil(lua);  // becomes the table of objects that were met, once one was
    bottom = lua_gettop(lua) + 1;
    for (int at = index; at != 0; at = next()) {
        const Step step = add(at);
        if (step == Step::restart) return false;
        if (step == Step::enter) enter(at);
    }
    return true;
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

void marshal(lua_State* lua, int index, Carrier& carrier, const char* operation,
             Closures closures) {
    index = lua_absindex(lua, index);
    const int top = lua_gettop(lua);
    luaL_checkstack(lua, 10, operation);
    lua_pushglobaltable(lua);
    const void* globals = lua_topointer(lua, -1);
    lua_pop(lua, 1);
    for (bool is_done = false, has_functions = false; !is_done; has_functions = true) {
        Walk walk{.lua = lua,
                  .out = carrier,
                  .operation = operation,
                  .closures = closures,
                  .globals = globals};
        walk.has_functions = has_functions;
        is_done = walk.run(index);
        if (!is_done) carrier.clear();
        lua_settop(lua, top);
    }
}

}  // namespace ipcrun::lua
