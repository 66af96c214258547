// SPDX-License-Identifier: Apache-2.0
// Values of Lua as parcels, without anybody who sends them; and parcels that nobody should send.
#include "bindings/lua/ipc/marshal.hpp"

#include <doctest/doctest.h>

#include <bitset>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tests/lua/marshal_state.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

TEST_CASE("marshal: simple values stay what they are") {
    const State lua = open_state();
    run_script(lua, R"(
        for _, value in ipairs {true, false, 0, -1, math.maxinteger, math.mininteger, 0.0, -0.0,
                                1.5, math.huge, -math.huge, '', 'x', 'a\0b\255',
                                ('x'):rep(100000)} do
            local got = copy(value)
            assert(got == value and math.type(got) == math.type(value), tostring(value))
            assert(copy({value})[1] == value)
        end
        assert(copy(nil) == nil and copy(0/0) ~= copy(0/0))
        assert(1 / copy(-0.0) == -math.huge)
    )");
}

TEST_CASE("marshal: tables keep their keys, nesting, cycles and shared places") {
    const State lua = open_state();
    run_script(lua, R"(
        local inner = {7}
        local key = {'a key'}
        local value = {1, 'two', {3, {4}}, nil, 5, x = inner, y = inner, [2.5] = true,
                       [-1] = 'minus',
                       [false] = 'no', [key] = key}
        value.self = value
        value[inner] = {[inner] = inner}
        local got = copy(value)
        assert(got[4] == nil and got[1] == 1 and got[2] == 'two' and got[5] == 5)
        assert(got[3][2][1] == 4)
        assert(got.self == got and got.x == got.y and got.x[1] == 7 and got.x ~= inner)
        assert(got[2.5] == true and got[-1] == 'minus' and got[false] == 'no')
        assert(got[got.x][got.x] == got.x)
        local count = 0
        for k, v in pairs(got) do
            count = count + 1
            if type(k) == 'table' and k ~= got.x then assert(k == v and k[1] == 'a key') end
        end
        assert(count == 12, count)
        assert(next((copy {})) == nil and getmetatable(copy(setmetatable({}, {}))) == nil)
    )");
}

TEST_CASE("marshal: a list of nine thousand links is no trouble, and a longer one an error") {
    const State lua = open_state();
    run_script(lua, R"(
        local list
        for i = 1, 9000 do list = {next = list, value = i} end
        local count, at = 0, copy(list)
        while at do count, at = count + 1, at.next end
        assert(count == 9000)
        for i = 1, 2000 do list = {[list] = i} end
        local good, message = pcall(copy, list)
        assert(not good and message:find('nested more than 10000 deep', 1, true), message)
    )");
}

TEST_CASE("marshal: tensors keep dtype, shape and elements, and lie as the message does") {
    const State lua = open_state();
    run_script(lua, R"(
        for _, name in ipairs {'Byte', 'Char', 'Short', 'Int', 'Long', 'Half', 'BFloat16', 'Float',
                               'Double'} do
            for _, offset in ipairs {0, 64, 1} do
                local t = torch.range(1, 24):type('torch.' .. name .. 'Tensor'):view(2, 3, 4)
                for _, one in ipairs {t, t:transpose(1, 3), t:narrow(2, 2, 1), t:select(1, 2)} do
                    local got, bytes = copy(one, offset)
                    assert(got:type() == t:type() and got:isSameSizeAs(one), name)
                    assert(got:ne(one):sum() == 0 and got:isContiguous())
                    assert(bytes >= one:nElement() + 192 and (bytes - 192) % one:nElement() == 0)
                end
            end
        end
        local expanded = copy(torch.ones(1, 3):expand(4, 3))
        assert(expanded:size(1) == 4 and expanded:sum() == 12)
        assert(copy(torch.FloatTensor()):nElement() == 0)
        local empty = copy(torch.FloatTensor(3, 0, 2))
        assert(empty:size(1) == 3 and empty:size(2) == 0 and empty:nDimension() == 3)
    )");
}

TEST_CASE("marshal: objects of torch classes keep their class, at any depth") {
    const State lua = open_state();
    run_script(lua, R"(
        local lib = {}
        local Point = torch.class('lib.Point', lib)
        function Point:__init(x) self.x = x end
        function Point:double() return 2 * self.x end
        local got = copy {lib.Point(3), inner = {lib.Point(4)}}
        assert(torch.typename(got[1]) == 'lib.Point' and got[1]:double() == 6)
        assert(got.inner[1]:double() == 8)
    )");
}

TEST_CASE(
    "marshal: an object whose class is not known here keeps its name, and gets methods later") {
    const State sender = open_state(), receiver = open_state();
    const std::string parcel = parcel_of(sender, R"(
        local Point = torch.class('Point')
        function Point:__init() self.x = 3 end
        return Point()
    )");
    REQUIRE(receive(receiver, parcel) == LUA_OK);
    lua_setglobal(receiver.get(), "object");
    run_script(receiver, R"(
        assert(torch.typename(object) == 'Point' and object.x == 3)
        local Point = torch.class('Point')
        function Point:double() return 2 * self.x end
        assert(object:double() == 6)
    )");
}

TEST_CASE("marshal: tensors of one storage share it again, with only what they use of it") {
    const State lua = open_state();
    run_script(lua, R"(
        local whole = torch.range(1, 100000):float()
        local a, b = whole:narrow(1, 501, 4), whole:narrow(1, 503, 4):view(2, 2):t()
        local got, bytes = copy {a = a, b = b, again = a}
        assert(bytes < 1000, bytes)
        assert(rawequal(got.a, got.again) and got.b:ne(b):sum() == 0)
        got.a:fill(0)
        assert(got.b[1][1] == 0 and got.b[2][2] == 506 and a[1] == 501)
        local storage = torch.LongStorage {1, 2, 3}
        local t = torch.LongTensor(storage, 2, 2)
        local pair = copy {storage, t, storage}
        assert(rawequal(pair[1], pair[3]) and pair[1]:size() == 3 and pair[2]:size(1) == 2)
        pair[2]:fill(9)
        assert(pair[1][1] == 1 and pair[1][2] == 9 and pair[1][3] == 9)
        assert(copy(torch.ByteStorage():string('ping')):string() == 'ping')
    )");
}

TEST_CASE("marshal: what cannot go is named by its place") {
    const State lua = open_state();
    run_script(lua, R"(
        local function refuses(fragment, value)
            local good, message = pcall(copy, value)
            assert(not good and message:find(fragment, 1, true), message)
        end
        local co = coroutine.create(print)
        local nameless = coroutine.wrap(print)
        refuses("copy: the value is a C function that is in no loaded module", nameless)
        refuses("copy: field 'callback' of the table is a C function that", {callback = nameless})
        refuses("copy: field 'layers[2].f' of the table is a thread", {layers = {1, {f = co}}})
        refuses("field 'co' of the table is a thread, which cannot be sent", {co = co})
        refuses("field 'x[2.5]' of the table is a FILE*", {x = {[2.5] = io.stdout}})
        refuses("the key '[a function]' of the table is a C function", {[nameless] = 1})
        refuses("of the table is a thread", {[{co}] = 1})
        refuses("copy: upvalue 'co' of the function is a thread", function() return co end)
        local held = {co = co}
        refuses("copy: upvalue 'held.co' of the function is a thread", function() return held end)
        refuses("field 'layers[1].f (upvalue held).co' of the table is a thread",
                {layers = {{f = function() return held end}}})
    )");
}

TEST_CASE("marshal: a parcel that was cut or changed is refused or something else, never a crash") {
    const State lua = open_state();
    std::mt19937 random(7);
    std::bitset<tag_count> seen;
    const std::vector<std::string> seeds = seed_parcels(lua);
    REQUIRE(seeds.size() > 5);
    for (const std::string& good : seeds) {
        int accepted = 0;
        for (int round = 0; round < 10000; ++round) {
            std::string bytes = good;
            if (round % 3 == 1)
                bytes.erase(bytes.begin() + long(random() % bytes.size()), bytes.end());
            for (unsigned i = round == 0 ? 0 : random() % 4; i > 0 && !bytes.empty(); --i)
                bytes[random() % bytes.size()] = char(random());
            lua_settop(lua.get(), 0);
            Incoming& incoming = push_incoming(lua.get());
            try {
                incoming.open(message_of(bytes), 0, bytes.size(), nullptr);
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::protocol);
                continue;
            }
            Token token;
            while (incoming.tokens().next(token)) seen.set(std::size_t(token.tag));
            accepted += incoming.tokens().error() == nullptr;
            if (round == 0) CHECK(accepted == 1);
        }
        CHECK(accepted > 1);
    }
    seen.set(std::size_t(Tag::nil));     // only changed bytes have one
    seen.set(std::size_t(Tag::handle));  // no parcel has one
    seen.set(std::size_t(Tag::foreign));
    CHECK(seen.all());
}

TEST_CASE("marshal: a table's hint of its size is not believed beyond the bytes there are") {
    TokenWriter writer;
    for (int i = 0; i < 1000; ++i) {
        writer.begin_table(0xffff'ffff, 0xffff'ffff);
        writer.add_integer(1);
    }
    const Bytes bytes = writer.take();
    TokenReader reader(bytes, 0, 0);
    Token token;
    std::size_t hinted = 0;
    while (reader.next(token)) hinted += token.items + token.fields;
    CHECK(reader.error() != nullptr);
    CHECK(hinted <= bytes.size());
}

TEST_CASE("marshal: a value that makes no sense is said to be none") {
    const auto error_of = [](auto write) {
        TokenWriter writer;
        write(writer);
        const Bytes bytes = writer.take();
        TokenReader reader(bytes, 0, 0);
        Token token;
        while (reader.next(token)) {
        }
        return std::string(reader.error() == nullptr ? "" : reader.error());
    };
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(2);
              out.add_code("xy");
              out.begin_upvalue(1);
              out.begin_function(0);
              out.add_shared(255, 0);
              out.add_environment(2);
              out.end();
              out.end();
          }) == "");
    const std::string where = "an upvalue is where it cannot be, or missing";
    CHECK(error_of([](TokenWriter& out) { out.begin_upvalue(1); }) == where);
    CHECK(error_of([](TokenWriter& out) {
              out.begin_table(0, 0);
              out.add_environment(1);
          }) == where);
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(0);
              out.add_integer(1);
          }) == where);
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(0);
              out.begin_upvalue(1);
              out.begin_upvalue(2);
          }) == where);
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(0);
              out.begin_upvalue(1);
              out.end();
          }) == "a table or function ends where it cannot");
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(0);
              out.add_shared(1, 0);
          }) == "it names something that is not in it");
    CHECK(error_of([](TokenWriter& out) {
              out.begin_function(0);
              out.add_environment(0);
          }) == "upvalues are counted from 1");
    CHECK(error_of([](TokenWriter& out) { out.begin_function(1); }) == "it ends within a string");
    CHECK(error_of([](TokenWriter& out) {
              for (int level = 0; level < 6000; ++level) {
                  out.begin_table(0, 0);
                  out.add_integer(1);
                  out.begin_function(0);
                  out.begin_upvalue(1);
              }
          }) == "tables and functions are nested too deep");
}
