// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A walk over a value of Lua that puts it into a carrier. Private to marshal.cpp (tables and plain
/// values), marshal_functions.cpp and marshal_userdata.cpp.

#include <bitset>
#include <cstdint>
#include <lua.hpp>

#include "bindings/lua/ipc/marshal.hpp"

namespace ipcrun::lua {

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

}  // namespace ipcrun::lua
