// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/interpreter/run.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>

#include "bindings/lua/context.hpp"
#include "bindings/lua/interpreter/chunk.hpp"
#include "bindings/lua/interpreter/read_eval.hpp"
#include "bindings/lua/modules.hpp"

namespace ipcrun::lua {

namespace {

// Lua raises by longjmp: below, nothing that has a destructor is alive while Lua runs.
struct Program {
    const Options& options;
    int argc;
    char** argv;
    const ErrorReport& report;
};

void print_version() {
    std::puts(LUA_COPYRIGHT " (ipcrun " IPCRUN_VERSION ")");
}

// Calls what a loader has left on the stack below `arguments`; reports what goes wrong.
bool call_loaded(lua_State* lua, const Program& program, int status, int arguments) {
    Report::Kind kind =
        status == LUA_ERRMEM ? Report::Kind::runtime_error : Report::Kind::load_error;
    if (status == LUA_OK && call_chunk(lua, arguments, 0, kind)) return true;
    program.report.send(kind, error_text(lua));
    return false;
}

bool execute(lua_State* lua, const Program& program, const char* code, const char* name) {
    return call_loaded(lua, program, luaL_loadbuffer(lua, code, std::strlen(code), name), 0);
}

// LUA_INIT_5_4, or else LUA_INIT: code, or "@" and the name of a file.
bool run_init(lua_State* lua, const Program& program) {
    for (const char* name : {"=LUA_INIT" LUA_VERSUFFIX, "=LUA_INIT"}) {
        const char* init = std::getenv(name + 1);
        if (init == nullptr) continue;
        if (init[0] != '@') return execute(lua, program, init, name);
        return call_loaded(lua, program, luaL_loadfile(lua, init + 1), 0);
    }
    return true;
}

// "MOD" or "NAME=MOD".
bool require_module(lua_State* lua, const Program& program, const char* argument) {
    const char* equals = std::strchr(argument, '=');
    const char* module = equals == nullptr ? argument : equals + 1;
    lua_getglobal(lua, "require");
    lua_pushstring(lua, module);
    Report::Kind kind;
    if (!call_chunk(lua, 1, 1, kind)) {
        program.report.send(kind, error_text(lua));
        return false;
    }
    if (equals == nullptr)
        lua_pushstring(lua, module);
    else
        lua_pushlstring(lua, argument, static_cast<std::size_t>(equals - argument));
    lua_insert(lua, -2);
    lua_pushglobaltable(lua);
    lua_insert(lua, -3);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
    return true;
}

bool run_actions(lua_State* lua, const Program& program) {
    for (const Action& action : program.options.actions) {
        bool done = true;
        switch (action.kind) {
            case Action::Kind::execute:
                done = execute(lua, program, action.argument, "=(command line)");
                break;
            case Action::Kind::require:
                done = require_module(lua, program, action.argument);
                break;
            case Action::Kind::warnings:
                lua_warning(lua, "@on", 0);
                break;
        }
        if (!done) return false;
    }
    return true;
}

// The global `arg`: the script at 0, its arguments from 1, interpreter and options below 0.
void set_arg(lua_State* lua, const Program& program) {
    lua_createtable(lua, program.argc - program.options.script, program.options.script + 1);
    for (int i = 0; i < program.argc; ++i) {
        lua_pushstring(lua, program.argv[i]);
        lua_rawseti(lua, -2, i - program.options.script);
    }
    lua_setglobal(lua, "arg");
}

bool run_script(lua_State* lua, const Program& program) {
    const int script = program.options.script;
    const char* file = program.argv[script];
    // "-" is standard input, unless it follows "--": then it is the name of a file.
    if (std::strcmp(file, "-") == 0 && std::strcmp(program.argv[script - 1], "--") != 0)
        file = nullptr;
    const int status = luaL_loadfile(lua, file);
    int arguments = 0;
    if (status == LUA_OK) {
        // What the script sees as "..." is `arg`, which LUA_INIT, -e or -l may have changed.
        if (lua_getglobal(lua, "arg") != LUA_TTABLE) luaL_error(lua, "'arg' is not a table");
        arguments = static_cast<int>(luaL_len(lua, -1));
        luaL_checkstack(lua, arguments + LUA_MINSTACK, "too many arguments to the script");
        for (int i = 1; i <= arguments; ++i) lua_rawgeti(lua, -i, i);
        lua_remove(lua, -arguments - 1);
    }
    return call_loaded(lua, program, status, arguments);
}

// The whole run, under a protected call: returns whether it went well.
int run_protected(lua_State* lua) {
    const Program& program = *static_cast<const Program*>(lua_touserdata(lua, 1));
    const Options& options = program.options;
    lua_settop(lua, 0);
    if (options.ignore_environment) {
        lua_pushboolean(lua, 1);  // where the library "package" looks for it
        lua_setfield(lua, LUA_REGISTRYINDEX, "LUA_NOENV");
    }
    luaL_openlibs(lua);
    preload_modules(lua);
    preload_globals(lua);
    set_arg(lua, program);
    bool good = options.ignore_environment || run_init(lua, program);
    good = good && run_actions(lua, program);
    good = good && (options.script == 0 || run_script(lua, program));
    if (good && options.interactive) {
        read_eval_print(lua);
    } else if (good && options.is_bare()) {
        if (::isatty(STDIN_FILENO) != 0) {
            print_version();
            read_eval_print(lua);
        } else {
            good = call_loaded(lua, program, luaL_loadfile(lua, nullptr), 0);
        }
    }
    if (good) note_good_end(lua);
    lua_pushboolean(lua, good ? 1 : 0);
    return 1;
}

// Only errors outside of every protected call come here; Lua would abort after it.
int panic(lua_State* lua) {
    print_error(error_text(lua));
    std::_Exit(EXIT_FAILURE);
}

// Output that could not be written must not look like success.
bool flush_output() {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
    print_error("write to standard output: not all of it could be written");
    return false;
}

}  // namespace

int run(const Options& options, int argc, char** argv, const ErrorReport& report) {
    if (options.version) print_version();
    lua_State* const lua = luaL_newstate();
    if (lua == nullptr) {
        report.send(Report::Kind::runtime_error, "create a Lua state: not enough memory");
        return EXIT_FAILURE;
    }
    lua_atpanic(lua, panic);
    Program program{options, argc, argv, report};
    // Neither of these two takes memory.
    lua_pushcfunction(lua, run_protected);
    lua_pushlightuserdata(lua, &program);
    bool good = lua_pcall(lua, 1, 1, 0) == LUA_OK;
    if (good)
        good = lua_toboolean(lua, -1) != 0;
    else
        report.send(Report::Kind::runtime_error, error_text(lua));
    lua_close(lua);
    return flush_output() && good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace ipcrun::lua
