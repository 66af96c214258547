// SPDX-License-Identifier: Apache-2.0
// ipc.spawn: a program with pipes at its standard input and output.
#include <signal.h>
#include <string.h>

#include <cstdio>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/system/module.hpp"
#include "bindings/lua/system/program.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* spawn_name = "ipc.spawn";

Program& check_program(lua_State* lua) {
    auto& program = check_userdata<Program>(lua, 1, spawn_name);
    if (!program) luaL_error(lua, "spawn was already closed");
    return program;
}

// Makes the string or number on top a string without zeros, as programs need it.
void check_text(lua_State* lua, const char* list, lua_Integer i) {
    if (lua_type(lua, -1) != LUA_TSTRING && lua_type(lua, -1) != LUA_TNUMBER)
        luaL_error(lua, "ipc.spawn: %s[%I]: expected a string or a number, got %s", list, i,
                   luaL_typename(lua, -1));
    std::size_t length = 0;
    const char* text = lua_tolstring(lua, -1, &length);
    if (std::strlen(text) != length)
        luaL_error(lua, "ipc.spawn: %s[%I]: there is a zero in it", list, i);
}

// Pushes a copy of the list in field `name` with strings alone; nil when there is none.
void push_list(lua_State* lua, const char* name) {
    lua_getfield(lua, 1, name);
    if (lua_isnil(lua, -1)) return;
    if (!lua_istable(lua, -1)) luaL_error(lua, "ipc.spawn: %s: expected a table, or nil", name);
    const int list = lua_gettop(lua);
    lua_newtable(lua);
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, list));
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, list, i);
        check_text(lua, name, i);
        lua_rawseti(lua, -2, i);
    }
    lua_remove(lua, list);
}

// Of a list that push_list() made: raises nothing.
std::vector<std::string> read_list(lua_State* lua, int list) {
    std::vector<std::string> result;
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, list));
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, list, i);
        const char* text = lua_tostring(lua, -1);
        lua_pop(lua, 1);  // the list holds it
        result.emplace_back(text);
    }
    return result;
}

void check_fields(lua_State* lua) {
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
        const char* name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
        if (std::strcmp(name, "file") != 0 && std::strcmp(name, "args") != 0 &&
            std::strcmp(name, "env") != 0)
            luaL_error(lua, "ipc.spawn: unknown field '%s' (there are: args, env, file)",
                       luaL_tolstring(lua, -2, nullptr));
        lua_pop(lua, 1);
    }
}

// ipc.spawn{file = …, args = {…}, env = {…}}
int create(lua_State* lua) {
    if (lua_gettop(lua) != 1 || !lua_istable(lua, 1))
        luaL_error(lua, "ipc.spawn: expected a single table argument");
    if (lua_getfield(lua, 1, "file") != LUA_TSTRING)
        luaL_error(lua, "ipc.spawn: file: expected a string");
    const int file = lua_gettop(lua);
    if (std::strlen(lua_tostring(lua, file)) != lua_rawlen(lua, file))
        luaL_error(lua, "ipc.spawn: file: there is a zero in it");
    push_list(lua, "args");
    push_list(lua, "env");
    check_fields(lua);
    auto& program = create_userdata<Program>(lua, spawn_name);
    luaL_checkstack(lua, 5, spawn_name);
    const Failure failure = attempt([&] {
        ProgramSpec spec{.file = lua_tostring(lua, file)};
        if (lua_istable(lua, file + 1)) spec.arguments = read_list(lua, file + 1);
        if (lua_istable(lua, file + 2)) spec.environment = read_list(lua, file + 2);
        program = Program(spec);
    });
    if (failure) raise_string(lua, failure);
    return 1;
}

int pid(lua_State* lua) {
    lua_pushinteger(lua, check_program(lua).pid());
    return 1;
}

int running(lua_State* lua) {
    lua_pushboolean(lua, static_cast<int>(check_program(lua).is_running()));
    return 1;
}

int output_file_id(lua_State* lua) {
    lua_pushinteger(lua, check_program(lua).output_fd());
    return 1;
}

// spawn:stdin(text) writes it; spawn:stdin() closes.
int input(lua_State* lua) {
    Program& program = check_program(lua);
    if (lua_isnoneornil(lua, 2)) {
        program.close_input();
        return 0;
    }
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 2, &length);
    const Context& thread = context(lua);
    const Failure failure = attempt([&] { program.write(thread, {text, length}); });
    if (failure) raise_string(lua, failure);
    return 0;
}

// spawn:stdout([what]): a number of bytes, '*l' or '*a'
int output(lua_State* lua) {
    Program& program = check_program(lua);
    const bool is_count = lua_type(lua, 2) == LUA_TNUMBER;
    const lua_Integer count = is_count ? luaL_checkinteger(lua, 2) : 0;
    luaL_argcheck(lua, !is_count || count >= 1, 2, "a number of bytes, 1 or more");
    const char* what = is_count ? "" : luaL_optstring(lua, 2, "*l");
    if (*what == '*') ++what;
    const Context& thread = context(lua);
    std::string_view found;
    bool is_there = false;
    const Failure failure = attempt([&] {
        const Program::Found result =
            is_count       ? program.read_some(thread, static_cast<std::size_t>(count))
            : *what == 'l' ? program.read_line(thread)
                           : program.read_all(thread);
        is_there = result.has_value();
        if (result) found = *result;
    });
    if (failure) raise_string(lua, failure);
    if (!is_there) return 0;
    lua_pushlstring(lua, found.data(), found.size());
    return 1;
}

int signal_named(lua_State* lua, int index) {
    if (lua_isnoneornil(lua, index)) return 0;
    const char* name = luaL_checkstring(lua, index);
    if (std::strcmp(name, "TERM") == 0) return SIGTERM;
    if (std::strcmp(name, "KILL") == 0) return SIGKILL;
    return luaL_error(lua, "unknown signal '%s' (there are: TERM, KILL)", name);
}

// spawn:wait([signal]): the exit status, which is 0 of a program that a signal ended (torch-ipc's
// tests want it so); then also the name of that signal.
int wait(lua_State* lua) {
    Program& program = check_program(lua);
    const int number = signal_named(lua, 2);
    const Context& thread = context(lua);
    ProgramEnd end;
    const Failure failure = attempt([&] {
        // It may have ended: how is told below.
        if (number != 0) (void)program.signal(number);
        end = program.wait(thread, number == 0);
        program = Program();
    });
    if (failure) raise_string(lua, failure);
    lua_pushinteger(lua, end.exit_status);
    if (end.signal == 0) return 1;
    const char* name = ::sigabbrev_np(end.signal);
    if (name != nullptr)
        lua_pushstring(lua, name);
    else
        lua_pushinteger(lua, end.signal);
    return 2;
}

int collect_program(lua_State* lua) {
    auto& program = *static_cast<Program*>(lua_touserdata(lua, 1));
    if (program && program.is_running())
        (void)std::fprintf(stderr,
                           "ipc.spawn: process %d still runs and nobody waits for it: it is ended "
                           "(call wait(), or let a <close> variable hold it)\n",
                           program.pid());
    return collect<Program>(lua);
}

int close_scope(lua_State* lua) {
    check_userdata<Program>(lua, 1, spawn_name).stop();
    return 0;
}

constexpr luaL_Reg methods[] = {{"pid", pid},
                                {"running", running},
                                {"stdin", input},
                                {"stdout", output},
                                {"stdoutFileId", output_file_id},
                                {"wait", wait},
                                {nullptr, nullptr}};
constexpr luaL_Reg metamethods[] = {
    {"__close", close_scope}, {"__gc", collect_program}, {nullptr, nullptr}};

}  // namespace

void register_spawn(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    if (luaL_newmetatable(lua, spawn_name) != 0) {
        luaL_setfuncs(lua, metamethods, 0);
        lua_newtable(lua);
        luaL_setfuncs(lua, methods, 0);
        lua_setfield(lua, -2, "__index");
    }
    lua_pop(lua, 1);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "spawn");
}

}  // namespace ipcrun::lua
