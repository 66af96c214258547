// SPDX-License-Identifier: Apache-2.0
// Functions as parcels: what they do where they come, and what they still share there.
#include <doctest/doctest.h>

#include <string>

#include "tests/lua/marshal_state.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

TEST_CASE("functions: arguments, results and constants are what they were") {
    const State lua = open_state();
    run_script(lua, R"(
        local function constants() return 1, 1.0, -0.0, 'a\0b', nil, math.maxinteger end
        local n, f, z, s, nothing, most = copy(constants)()
        assert(math.type(n) == 'integer' and math.type(f) == 'float' and 1 / z == -math.huge)
        assert(s == 'a\0b' and nothing == nil and most == math.maxinteger)
        local function vararg(...) return select('#', ...), ... end
        local count, first, last = copy(vararg)(nil, 2)
        assert(count == 2 and first == nil and last == 2)
        assert(copy(function() end)() == nil)
        assert(copy {f = function(x) return x + 1 end}.f(2) == 3)
        local f = function() return 7 end
        local key, value = next((copy {[f] = f}))
        assert(key == value and key ~= f and key() == 7)
    )");
}

TEST_CASE("functions: upvalues come by value, whatever they are") {
    const State lua = open_state();
    run_script(lua, R"(
        local integer, float, text, no, nothing = 3, 3.0, 'x\0y', false, nil
        local list, t = {1, {2}}, torch.range(1, 4)
        local function all() return integer, float, text, no, nothing, list, t end
        local other = copy(all)
        integer, list[1] = 99, 99
        local i, f, s, b, n, l, c = other()
        assert(math.type(i) == 'integer' and i == 3 and math.type(f) == 'float' and s == 'x\0y')
        assert(b == false and n == nil and l[1] == 1 and l[2][1] == 2 and c:sum() == 10)
        assert(select(6, other()) == l and l ~= list)
        local functions = {}
        for k = 1, 3 do functions[k] = function() k = k + 10; return k end end
        local got = copy(functions)
        assert(got[1]() == 11 and got[1]() == 21 and got[2]() == 12 and functions[1]() == 11)
    )");
}

TEST_CASE("functions: an upvalue that is shared stays shared, and is not the sender's") {
    const State lua = open_state();
    run_script(lua, R"(
        local count = 0
        local counter = {
            add = function() count = count + 1 end,
            get = function() return count end,
        }
        local got = copy(counter)
        got.add() got.add()
        assert(got.get() == 2 and counter.get() == 0)
        -- Between a function and one in its upvalues.
        local function add() count = count + 5 end
        local get = copy(function() add() return count end)
        assert(get() == 5 and get() == 10 and count == 0)
        -- Open ones, in a coroutine that still runs.
        local resume = coroutine.wrap(function()
            local open = 1
            coroutine.yield {set = function(x) open = x end, get = function() return open end}
        end)
        local pair = copy(resume())
        pair.set(8)
        assert(pair.get() == 8)
        -- What is equal but not shared stays apart.
        local function make() local x = 0; return function() x = x + 1; return x end end
        local two = copy {make(), make()}
        assert(two[1]() == 1 and two[1]() == 2 and two[2]() == 1)
    )");
}

TEST_CASE("functions: one function in several places is one function again") {
    const State lua = open_state();
    run_script(lua, R"(
        local function f() return 1 end
        local function g() return f end
        local got = copy {f, f, g, x = {f = f}}
        assert(got[1] == got[2] and got[1] == got.x.f and got[3]() == got[1] and got[1] ~= f)
    )");
}

TEST_CASE("functions: cycles through upvalues and tables are cycles again") {
    const State lua = open_state();
    run_script(lua, R"(
        local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end
        assert(copy(factorial)(10) == 3628800)
        local is_odd
        local function is_even(n) if n == 0 then return true end return is_odd(n - 1) end
        function is_odd(n) if n == 0 then return false end return is_even(n - 1) end
        local got = copy {even = is_even, odd = is_odd}
        assert(got.even(10) and got.odd(7) and not got.even(7))
        local object = {n = 1}
        function object.itself() return object end
        local other = copy(object)
        assert(other.itself() == other and other ~= object)
        local from_method = copy(object.itself)
        assert(from_method().itself == from_method)
    )");
}

TEST_CASE("functions: globals are the receiver's") {
    const State sender = open_state();
    const State receiver = open_state();
    const std::string parcel = parcel_of(sender, R"(
        x = 'the sender\'s'
        local globals, stripped = _G, load(string.dump(function() return x end, true))
        local function custom(_ENV) return function() n = (n or 0) + 1; return n, _ENV end end
        return {
            plain = function() return x end, stripped = stripped, custom = custom {n = 40},
            set = function(value) y = value; return y end, g = _G,
            globals = function() return globals end, loaded = load 'return x',
        })");
    run_script(receiver, "x = 'the receiver\\'s'; n = 1");
    REQUIRE(receive(receiver, parcel) == LUA_OK);
    lua_setglobal(receiver.get(), "got");
    run_script(receiver, R"(
        assert(got.plain() == 'the receiver\'s' and got.stripped() == got.plain())
        assert(got.loaded() == got.plain())
        got.set(5)
        assert(y == 5 and got.globals() == _G and got.g == _G)
        -- An upvalue of that name is bound anew, whatever was in it.
        local n, env = got.custom()
        assert(n == 2 and env == _G and _G.n == 2)
    )");
    run_script(sender, "assert(y == nil and copy(_G) == _G)");
}

TEST_CASE("functions: without names an environment of one's own is data, and _G is _G") {
    const State lua = open_state();
    run_script(lua, R"(
        local function strip(f, value)
            local got = load(string.dump(f, true))
            assert(debug.setupvalue(got, 1, value) == '(no name)')
            return got
        end
        local function sum() return v end
        v = 3
        assert(copy(strip(sum, {v = 4}))() == 4 and copy(strip(sum, _G))() == 3)
    )");
}

TEST_CASE("functions: errors in them name the lines they were written on, unless stripped") {
    const State lua = open_state();
    run_script(lua, R"(
        local f = load('\n\nlocal function fails(x) return x.y end\nreturn fails', '@train.lua')()
        local _, message = pcall((copy(f)))
        assert(message:find('train.lua:3: attempt to index a nil value', 1, true), message)
        local stripped = load(string.dump(f, true))
        _, message = pcall((copy(stripped)))
        assert(not message:find('train.lua', 1, true) and message:find('attempt to index'), message)
    )");
}

TEST_CASE("functions: with as many upvalues as Lua has") {
    const State lua = open_state();
    run_script(lua, R"(
        local names = {}
        for i = 1, 120 do names[i] = 'v' .. i end
        local function source(inner)
            return 'local ' .. table.concat(names, ',') .. ' = ' ..
                   table.concat(names, ','):gsub('v', '') .. '\n' .. inner
        end
        local more = {}
        for i = 1, 120 do more[i] = 'w' .. i end
        local text = source('return function() local ' .. table.concat(more, ',') .. ' = ' ..
            table.concat(more, ','):gsub('w', '1000 + ') .. '\n return function() return ' ..
            table.concat(names, ' + ') .. ' + ' .. table.concat(more, ' + ') .. ' end end')
        local f = assert(load(text))()()
        assert(debug.getinfo(f, 'u').nups == 240)
        assert(copy(f)() == f() and f() == 2 * 7260 + 120000)
    )");
}

TEST_CASE("functions: a chain of thousands is no trouble, and a longer one an error") {
    const State lua = open_state();
    run_script(lua, R"(
        local function chain(length)
            local f = function() return 0 end
            for _ = 1, length do
                local inner = f
                f = function(deeper) return deeper and inner or 1 end
            end
            return f
        end
        local count, at = 0, copy(chain(9999))
        while at(true) ~= 0 do count, at = count + 1, at(true) end
        assert(count == 9999, count)
        for _, value in ipairs {chain(10000), {chain(9999)}, chain(100000)} do
            local good, message = pcall(copy, value)
            assert(not good and message:find('nested more than 10000 deep', 1, true), message)
        end
    )");
}

TEST_CASE("functions: a receiver may refuse them, and all that goes by name") {
    const State lua = open_state();
    for (const char* script :
         {"return function() end", "return {print}", "return {x = _G}", "return math.floor"}) {
        const std::string parcel = parcel_of(lua, script);
        CHECK(receive(lua, parcel) == LUA_OK);
        REQUIRE(receive(lua, parcel, Functions::refused) == LUA_ERRRUN);
        CHECK(lua_tostring(lua.get(), -1) ==
              std::string("test: the message has functions or modules, which are not taken here"));
    }
    CHECK(receive(lua, parcel_of(lua, "return {1, torch.ones(2)}"), Functions::refused) == LUA_OK);
}

TEST_CASE("functions: bytecode that is cut anywhere, or whose header is changed, is an error") {
    const State lua = open_state();
    const auto load_error = [&](const std::string& code) {
        Outgoing outgoing;
        outgoing.tokens.begin_function(code.size());
        outgoing.tokens.add_code(code);
        outgoing.tokens.end();
        outgoing.pack();
        lua_settop(lua.get(), 0);
        if (receive(lua, bytes_of(outgoing)) == LUA_OK) return std::string("none");
        return std::string(lua_tostring(lua.get(), -1));
    };
    const char* script = R"(
        return string.dump(function(x)
            local inner = function(y) return x .. y, 1.5, 7, print end
            local long = "a text that is longer than forty characters, as they differ"
            for i, v in ipairs({x, long}) do
                inner(v)
            end
        end))";
    REQUIRE(luaL_dostring(lua.get(), script) == LUA_OK);
    std::size_t length = 0;
    const char* text = lua_tolstring(lua.get(), -1, &length);
    const std::string code(text, length);
    REQUIRE(load_error(code) == "none");
    const std::string expected = "test: a function of the message cannot be loaded";
    for (std::size_t kept = 0; kept < code.size(); ++kept) {
        INFO("cut after ", kept, " of ", code.size());
        REQUIRE(load_error(code.substr(0, kept)).starts_with(expected));
    }
    // Signature, version, format, six bytes to be found as they are, three sizes, an integer and a
    // float.
    constexpr std::size_t header_bytes =
        4 + 1 + 1 + 6 + 3 + sizeof(lua_Integer) + sizeof(lua_Number);
    for (std::size_t i = 0; i < header_bytes; ++i) {
        for (const int change : {0x01, 0x80, 0xff}) {
            INFO("byte ", i, " changed by ", change);
            std::string changed = code;
            changed[i] = static_cast<char>(changed[i] ^ change);
            REQUIRE(load_error(changed).starts_with(expected));
        }
    }
}

TEST_CASE(
    "functions: what is no bytecode of this Lua is refused, and upvalues that are not there") {
    const State lua = open_state();
    const auto receive_tokens = [&](auto write) {
        Outgoing outgoing;
        write(outgoing.tokens);
        outgoing.pack();
        REQUIRE(receive(lua, bytes_of(outgoing)) == LUA_ERRRUN);
        return std::string(lua_tostring(lua.get(), -1));
    };
    const auto add_function = [](TokenWriter& out, std::string_view code) {
        out.begin_function(code.size());
        out.add_code(code);
    };
    REQUIRE(luaL_dostring(lua.get(), "return string.dump(function() return print end)") == LUA_OK);
    std::size_t length = 0;
    const char* text = lua_tolstring(lua.get(), -1, &length);
    const std::string code(text, length);
    const auto contains = [](const std::string& message, const char* part) {
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    contains(receive_tokens([&](TokenWriter& out) {
                 add_function(out, "return 1");
                 out.end();
             }),
             "test: a function of the message cannot be loaded");
    std::string other_lua = code;
    other_lua[4] = 0x51;  // the version
    contains(receive_tokens([&](TokenWriter& out) {
                 add_function(out, other_lua);
                 out.end();
             }),
             "version mismatch");
    const std::string none = "a function has no upvalue 2";
    contains(receive_tokens([&](TokenWriter& out) {
                 add_function(out, code);
                 out.begin_upvalue(2);
             }),
             none.c_str());
    contains(receive_tokens([&](TokenWriter& out) {
                 add_function(out, code);
                 out.add_environment(2);
             }),
             none.c_str());
    contains(receive_tokens([&](TokenWriter& out) {
                 add_function(out, code);
                 out.begin_upvalue(1);
                 out.add(Tag::nil);
                 out.add_shared(2, 0);
             }),
             none.c_str());
}
