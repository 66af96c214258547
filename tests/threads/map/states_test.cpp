// SPDX-License-Identifier: Apache-2.0
// ipc.map in states that a program makes and closes: what the sanitizers look at.
#include <doctest/doctest.h>

#include <lua.hpp>
#include <string>

#include "bindings/lua/modules.hpp"

namespace {

// Runs `code` in a new state, and closes that; what it returns, or its error.
std::string run(const char* code) {
    lua_State* lua = luaL_newstate();
    luaL_openlibs(lua);
    ipcrun::lua::preload_modules(lua);
    std::string result;
    if (luaL_dostring(lua, "ipc = require 'ipc'") != LUA_OK || luaL_dostring(lua, code) != LUA_OK ||
        lua_gettop(lua) > 0)
        result = luaL_tolstring(lua, -1, nullptr);
    lua_close(lua);
    return result;
}

}  // namespace

TEST_CASE("map: many threads take and return values") {
    CHECK(run(R"(
        local torch = require 'torch'
        local tensor = torch.zeros(20)
        local map = ipc.map(20, function(t, list, id)
            t[id] = #list
            return t, { id }, ('x'):rep(id)
        end, tensor, { 1, 2, 3 })
        local results = { map:join() }
        assert(#results == 60 and results[59][1] == 20)
        return tensor:sum())") == "60.0");
}

TEST_CASE("map: threads fail while others return, and checkErrors looks on") {
    CHECK(run(R"(
        local map = ipc.map(16, function(id) if id % 3 == 0 then error(id) end return id end)
        local told = 0
        while told < 5 do
            if not pcall(map.checkErrors, map) then told = told + 1 end
        end
        return #{ map:join() })") == "11");
}

TEST_CASE("map: threads of threads, with channels between them") {
    CHECK(run(R"(
        local sums = ipc.channel()
        ipc.map(4, function(c, id)
            local ipc = require 'ipc'
            for _, value in ipairs { ipc.map(3, function(n, i) return n * i end, id):join() } do
                c:write(value)
            end
        end, sums):join()
        sums:close()
        local sum = 0
        for value in sums:items() do sum = sum + value end
        return sum)") == "60");
}

TEST_CASE("map: maps are dropped while their threads start, run and end") {
    CHECK(run(R"(
        for i = 1, 50 do
            ipc.map(2, function(id) return { id } end)
            if i % 5 == 0 then collectgarbage() end
        end)") == "");
}

TEST_CASE("map: a state is closed while threads wait, fail and start others") {
    CHECK(run(R"(
        local ready, never = ipc.channel(), ipc.channel()
        ipc.map(3, function(r, c) r:write(1) c:read() end, ready, never)
        ipc.map(2, function(r, c)
            local ipc = require 'ipc'
            r:write(1)
            ipc.map(2, function(c) c:read() end, c):join()
        end, ready, never)
        for _ = 1, 5 do ready:read() end)") == "");
}

TEST_CASE("map: a join times out again and again while threads end") {
    CHECK(run(R"(
        local map = ipc.map(8, function(id)
            local sum = 0
            for i = 1, 1000 * id do sum = sum + i end
            return sum
        end)
        while true do
            local results = table.pack(pcall(map.join, map, 0))
            if results[1] then return results.n end
        end)") == "9");
}

TEST_CASE("map: preloads with upvalues are read by all threads at once") {
    CHECK(run(R"(
        local shared = { 1, 2, 3 }
        package.preload.shared = function() return shared end
        local sum = 0
        for _, n in ipairs { ipc.map(8, function() return #require 'shared' end):join() } do
            sum = sum + n
        end
        return sum)") == "24");
}

TEST_CASE("map: pools of threads run tasks, and are dropped") {
    CHECK(run(R"(
        local new_pool = require 'ipc.BackgroundTaskPool'
        local pool = new_pool(4)
        for i = 1, 100 do pool.addTask(function(n) return n end, i) end
        local sum = 0
        for i = 1, 100 do sum = sum + pool.getResult(i) end
        local dropped = new_pool(2)
        dropped.addTask(function() return 1 end)
        return sum)") == "5050");
}
