// SPDX-License-Identifier: Apache-2.0
// Classes of torch.class as C++ sees them: by name, and before they are defined.
#include "bindings/lua/torch/classes.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "bindings/lua/modules.hpp"

namespace {

using namespace ipcrun::lua;

struct CloseState {
    void operator()(lua_State* lua) const { lua_close(lua); }
};
using State = std::unique_ptr<lua_State, CloseState>;

State open_state() {
    State lua(luaL_newstate());
    luaL_openlibs(lua.get());
    preload_modules(lua.get());
    return lua;
}

void run_script(const State& lua, const char* script) {
    const int status = luaL_dostring(lua.get(), script);
    const std::string message = status == LUA_OK ? "" : lua_tostring(lua.get(), -1);
    INFO(message);
    REQUIRE(status == LUA_OK);
}

/// The name of the class of the global `object`; "" for none. The stack stays as it was.
std::string name_of_object(const State& lua) {
    lua_getglobal(lua.get(), "object");
    const int top = lua_gettop(lua.get());
    std::string name;
    if (push_class_name(lua.get(), -1)) {
        name = lua_tostring(lua.get(), -1);
        lua_pop(lua.get(), 1);
    }
    CHECK(lua_gettop(lua.get()) == top);
    lua_pop(lua.get(), 1);
    return name;
}

/// Makes the global `object` one of the class, with the field n = 3.
void make_object(const State& lua, const std::string& name) {
    lua_newtable(lua.get());
    lua_pushinteger(lua.get(), 3);
    lua_setfield(lua.get(), -2, "n");
    push_class(lua.get(), name.data(), name.size());
    lua_setmetatable(lua.get(), -2);
    lua_setglobal(lua.get(), "object");
    CHECK(lua_gettop(lua.get()) == 0);
}

}  // namespace

TEST_CASE("classes: an object has the name of its class") {
    const State lua = open_state();
    run_script(lua, "require 'torch'; lib = {}; torch.class('lib.A', lib); object = lib.A()");
    CHECK(name_of_object(lua) == "lib.A");
}

TEST_CASE("classes: what is no object of a class has no name") {
    const State lua = open_state();
    for (const char* value : {"nil", "{}", "3", "print", "torch.ones(2)", "setmetatable({}, {})",
                              "setmetatable({}, {__typename = 'lib.A'})", "io.stdout", "lib.A"}) {
        CAPTURE(value);
        const std::string script =
            "require 'torch'; lib = {}; torch.class('lib.A', lib); object = ";
        run_script(lua, (script + value).c_str());
        CHECK(name_of_object(lua).empty());
    }
}

TEST_CASE("classes: nothing has a name before torch is open") {
    const State lua = open_state();
    run_script(lua, "object = setmetatable({}, {__index = {}})");
    CHECK(name_of_object(lua).empty());
}

TEST_CASE("classes: a class that is defined is found by its name") {
    const State lua = open_state();
    run_script(lua, R"(
        require 'torch'
        lib = {}
        local A = torch.class('lib.A', lib)
        function A:get() return self.n end)");
    make_object(lua, "lib.A");
    run_script(lua, "assert(object:get() == 3 and getmetatable(object) == lib.A)");
}

TEST_CASE("classes: a placeholder knows its name and holds fields") {
    const State lua = open_state();
    run_script(lua, "require 'torch'");
    make_object(lua, "lib.Later");
    CHECK(name_of_object(lua) == "lib.Later");
    run_script(lua, R"(
        assert(torch.typename(object) == 'lib.Later' and torch.type(object) == 'lib.Later')
        assert(object.n == 3 and object.m == nil)
        assert(torch.isTypeOf(object, 'lib.Later'))
        assert(torch.getmetatable('lib.Later') == nil)
        assert(torch.factory('lib.Later') == nil)
        assert(not pcall(torch.class, 'lib.Heir', 'lib.Later')))");
}

TEST_CASE("classes: torch.class adopts the placeholder of its name") {
    const State lua = open_state();
    make_object(lua, "lib.Later");  // even before torch is open
    run_script(lua, R"(
        require 'torch'
        local Base = torch.class('lib.Base', {})
        function Base:base() return 'base' end
        local Later = torch.class('lib.Later', 'lib.Base', {})
        function Later:get() return self.n end
        function Later:__tostring__() return 'later' end
        assert(getmetatable(object) == Later)
        assert(object:get() == 3 and object:base() == 'base' and tostring(object) == 'later')
        assert(torch.isTypeOf(object, 'lib.Base'))
        assert(torch.type(Later()) == 'lib.Later'))");
    make_object(lua, "lib.Later");
    run_script(lua, "assert(object:get() == 3)");
}

TEST_CASE("classes: a class of torch itself is loaded when an object of it comes") {
    const State lua = open_state();
    run_script(lua, "require 'torch'");
    make_object(lua, "torch.CmdLine");
    run_script(lua, "assert(object.parse)");
    make_object(lua, "torch.NoClassOfOurs");
    CHECK(name_of_object(lua) == "torch.NoClassOfOurs");
}

TEST_CASE("classes: a name is found with zeros in it") {
    const State lua = open_state();
    make_object(lua, std::string("lib.\0A", 6));
    make_object(lua, std::string("lib.\0B", 6));
    run_script(lua, R"(assert(getmetatable(object).__typename == 'lib.\0B'))");
}
