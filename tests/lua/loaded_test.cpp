// SPDX-License-Identifier: Apache-2.0
// What goes by name in a parcel: modules, and the C functions in them.
#include "bindings/lua/ipc/loaded.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/lua/marshal_state.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

namespace {

void check_error(const State& lua, const std::string& parcel, const char* message) {
    REQUIRE(receive(lua, parcel) == LUA_ERRRUN);
    const std::string said = lua_tostring(lua.get(), -1);
    INFO(said);
    CHECK(said.find(message) == 0);
}

}  // namespace

TEST_CASE("loaded: C functions of modules are the receiver's own") {
    const State sender = open_state();
    const State receiver = open_state();
    const std::string parcel = parcel_of(sender, R"(
        local floor, randn, format, print = math.floor, torch.randn, string.format, print
        return function() return floor, randn, format, print end)");
    REQUIRE(receive(receiver, parcel) == LUA_OK);
    lua_setglobal(receiver.get(), "got");
    run_script(receiver, R"(
        local floor, randn, format, p = got()
        assert(floor == math.floor and randn == torch.randn and format == string.format)
        assert(p == print and floor(2.5) == 2 and randn(3):nElement() == 3)
        for name, f in pairs(torch) do
            if debug.getinfo(f, 'S').what == 'C' then assert(copy(f) == f, name) end
        end
        assert(copy {[print] = 'key'}[print] == 'key')
    )");
}

TEST_CASE("loaded: a module goes by name, and is required where it is not loaded") {
    const State sender = open_state();
    const State receiver = open_state();
    const std::string parcel = parcel_of(sender, R"(
        package.loaded['my.model'] = {size = 3, f = function() return coroutine.running() end}
        local torch, model = torch, package.loaded['my.model']
        return function() return torch, model end)");
    CHECK(parcel.find("my.model") != std::string::npos);
    CHECK(parcel.size() < 1000);
    run_script(receiver, R"(
        required = 0
        package.preload['my.model'] = function() required = required + 1; return {size = 4} end
    )");
    REQUIRE(receive(receiver, parcel) == LUA_OK);
    REQUIRE(receive(receiver, parcel) == LUA_OK);
    lua_setglobal(receiver.get(), "got");
    run_script(receiver, R"(
        local t, model = got()
        assert(t == torch and model == require 'my.model' and model.size == 4 and required == 1)
    )");
}

TEST_CASE("loaded: a module that was walked into before the first function goes by name, too") {
    const State lua = open_state();
    run_script(lua, R"(
        package.loaded.data = {1, 2, {3}}
        local data = require 'data'
        -- Without functions it is data like any other.
        local plain = copy {data}
        assert(plain[1] ~= data and plain[1][3][1] == 3)
        local tensor = torch.ones(3)
        local got = copy {data, tensor, data, function() return data end, tensor, torch}
        assert(got[1] == data and got[3] == data and got[4]() == data and got[6] == torch)
        assert(got[2] == got[5] and got[2]:sum() == 3)
        assert(copy(torch) == torch and copy(string) == string)
    )");
}

TEST_CASE("loaded: names are those of now, when modules come, change and go") {
    const State lua = open_state();
    run_script(lua, R"(
        local function refuses(value)
            local good, message = pcall(copy, value)
            assert(not good and message:find('in no loaded module', 1, true), message)
        end
        local c = coroutine.wrap(function() coroutine.yield() end)
        refuses(c)
        late = c
        assert(copy(c) == c)
        late = nil
        refuses(c)
        string.mine = c
        assert(copy(c) == c)
        string.mine = nil
        package.loaded.fresh = {c = c}
        assert(copy(c) == c)
        local f = function() end
        local fresh = package.loaded.fresh
        assert(copy {f, fresh}[2] == fresh)
        package.loaded.fresh = {}
        refuses {f, fresh}
        assert(copy {f, package.loaded.fresh}[2] == package.loaded.fresh)
    )");
}

TEST_CASE("loaded: what the receiver does not have is named") {
    const State sender = open_state();
    const State receiver = open_state();
    const std::string member = parcel_of(sender,
                                         "string.mine = math.floor; math.floor = nil; "
                                         "return {string.mine}");
    check_error(receiver, member,
                "test: the message needs the function 'string.mine', which is not here");
    const std::string module =
        parcel_of(sender, "package.loaded.absent = {}; return {print, package.loaded.absent}");
    check_error(receiver, module,
                "test: the message needs the module 'absent', which cannot be required here: "
                "module 'absent' not found");
    run_script(receiver, "package.preload.absent = function() error({}, 0) end");
    check_error(receiver, module,
                "test: the message needs the module 'absent', which cannot be required here: "
                "table");
    run_script(receiver, "package.preload.absent = function() end");
    check_error(receiver, module,
                "test: the message needs the module 'absent', which is a boolean");
    run_script(receiver, "package.loaded.absent = nil; require = nil");
    check_error(receiver, module,
                "test: the message needs the module 'absent', which cannot be required here: "
                "attempt to call a nil value");
}
