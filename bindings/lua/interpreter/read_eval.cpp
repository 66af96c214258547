// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/interpreter/read_eval.hpp"

#include <cstdio>
#include <cstring>

#include "bindings/lua/interpreter/chunk.hpp"
#include "bindings/lua/interpreter/error_report.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* chunk_name = "=stdin";

// Prints the prompt, which is a global or, without one, `standard`.
void print_prompt(lua_State* lua, const char* global, const char* standard) {
    const char* prompt = standard;
    if (lua_getglobal(lua, global) != LUA_TNIL) prompt = luaL_tolstring(lua, -1, nullptr);
    std::fputs(prompt, stdout);
    std::fflush(stdout);
    lua_settop(lua, prompt == standard ? -2 : -3);
}

// Pushes the next line without its end; false, and nothing pushed, at the end of the input.
bool push_line(lua_State* lua) {
    luaL_Buffer line;
    luaL_buffinit(lua, &line);
    bool any = false;
    for (;;) {
        char* piece = luaL_prepbuffer(&line);
        if (std::fgets(piece, LUAL_BUFFERSIZE, stdin) == nullptr) break;
        any = true;
        const std::size_t bytes = std::strlen(piece);
        const bool whole = bytes > 0 && piece[bytes - 1] == '\n';
        luaL_addsize(&line, bytes - (whole ? 1 : 0));
        if (whole) break;
    }
    luaL_pushresult(&line);
    if (!any) lua_pop(lua, 1);
    return any;
}

// Would more lines make sense of the text? The compiler complains about its end then.
bool is_unfinished(lua_State* lua, int status) {
    if (status != LUA_ERRSYNTAX) return false;
    const std::string_view text = error_text(lua);
    constexpr std::string_view mark = "<eof>";
    return text.size() >= mark.size() && text.substr(text.size() - mark.size()) == mark;
}

int load(lua_State* lua, int index) {
    std::size_t bytes = 0;
    const char* text = lua_tolstring(lua, index, &bytes);
    return luaL_loadbufferx(lua, text, bytes, chunk_name, "t");
}

// The line on top of the stack as an expression; false, and nothing pushed, when it is none.
bool load_expression(lua_State* lua) {
    lua_pushliteral(lua, "return ");
    lua_pushvalue(lua, -2);
    lua_concat(lua, 2);
    const int status = load(lua, -1);
    lua_remove(lua, -2);
    if (status != LUA_OK) lua_pop(lua, 1);
    return status == LUA_OK;
}

// Replaces the line on top by the function of the statement that it begins, or by an error text.
int load_statement(lua_State* lua) {
    for (;;) {
        const int status = load(lua, -1);
        if (!is_unfinished(lua, status)) {
            lua_remove(lua, -2);
            return status;
        }
        print_prompt(lua, "_PROMPT2", ">> ");
        if (!push_line(lua)) {
            lua_remove(lua, -2);
            return status;
        }
        lua_remove(lua, -2);  // the complaint
        lua_pushliteral(lua, "\n");
        lua_insert(lua, -2);
        lua_concat(lua, 3);
    }
}

// Prints the values from `first` to the top with the global print.
void print_values(lua_State* lua, int first) {
    const int count = lua_gettop(lua) - first + 1;
    if (count <= 0) return;
    luaL_checkstack(lua, LUA_MINSTACK, "too many results to print");
    lua_getglobal(lua, "print");
    lua_insert(lua, first);
    Report::Kind kind;
    if (!call_chunk(lua, count, 0, kind)) print_error(error_text(lua));
}

}  // namespace

void read_eval_print(lua_State* lua) {
    const int base = lua_gettop(lua);
    for (;; lua_settop(lua, base)) {
        print_prompt(lua, "_PROMPT", "> ");
        if (!push_line(lua)) break;
        int status = LUA_OK;
        if (load_expression(lua))
            lua_remove(lua, -2);
        else
            status = load_statement(lua);
        Report::Kind kind;
        if (status == LUA_OK && call_chunk(lua, 0, LUA_MULTRET, kind))
            print_values(lua, base + 1);
        else
            print_error(error_text(lua));
    }
    std::fputs("\n", stdout);
}

}  // namespace ipcrun::lua
