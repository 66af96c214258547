// SPDX-License-Identifier: Apache-2.0
// `parallel` in Lua states of threads of one process: each has children of its own.
#include <doctest/doctest.h>

#include <array>
#include <lua.hpp>
#include <string>
#include <thread>

#include "bindings/lua/modules.hpp"

namespace {

/// What `code` returns, or its error, run in a state of its own.
std::string run(const char* code, int number) {
    lua_State* lua = luaL_newstate();
    luaL_openlibs(lua);
    ipcrun::lua::preload_modules(lua);
    std::string result;
    if (luaL_loadstring(lua, code) == LUA_OK) {
        lua_pushinteger(lua, number);
        (void)lua_pcall(lua, 1, 1, 0);
    }
    result = luaL_tolstring(lua, -1, nullptr);
    lua_close(lua);
    return result;
}

constexpr const char* code = R"(
    local number = ...
    local parallel = require 'parallel'
    assert(parallel.id == 0 and parallel.nchildren == 0)
    local children = parallel.nfork(3)
    children:exec(function()
        local value = parallel.parent:receive()
        parallel.parent:send(value * 10 + parallel.id)
    end)
    children:send(number)
    local sum = 0
    for _ = 1, 3 do sum = sum + (children:receiveAny()) end
    children:sync()
    parallel.close()
    return sum
)";

}  // namespace

TEST_CASE("parallel: threads with Lua states of their own have children of their own") {
    constexpr int count = 4;
    std::array<std::string, count> results;
    std::array<std::thread, count> threads;
    for (int i = 0; i < count; ++i)
        threads[static_cast<std::size_t>(i)] =
            std::thread([i, &results] { results[static_cast<std::size_t>(i)] = run(code, i); });
    for (std::thread& thread : threads) thread.join();
    for (int i = 0; i < count; ++i)
        CHECK(results[static_cast<std::size_t>(i)] == std::to_string(30 * i + 6));
}

TEST_CASE("parallel: the children of a thread end with it when it forgets to close them") {
    std::string pid;
    std::thread([&pid] {
        pid = run("return require 'parallel'.run('while true do end').unixid", 0);
    }).join();
    REQUIRE(std::stoi(pid) > 1);
    std::FILE* status = std::fopen(("/proc/" + pid + "/stat").c_str(), "r");
    CHECK(status == nullptr);
    if (status != nullptr) std::fclose(status);
}
