// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for values that come from another rank: whatever the bytes are, their tensors
// lie within them, and putting the value together ends in a value or an error of Lua. Functions are
// read as tokens and go no further: bytecode is not checked by anybody, so it is not loaded here.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/modules.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

namespace {

lua_State* open_state() {
    lua_State* lua = luaL_newstate();
    luaL_openlibs(lua);
    preload_modules(lua);
    check(luaL_dostring(lua, "require 'torch'") == LUA_OK, "torch cannot be opened");
    register_marshal(lua);
    return lua;
}

// Reads every element of a tensor that came in: the sanitizer sees what lies outside.
int sum_up(lua_State* lua) {
    auto& incoming = *static_cast<Incoming*>(lua_touserdata(lua, 1));
    unmarshal(lua, incoming, "fuzz", Functions::refused);
    lua_getglobal(lua, "tostring");
    lua_pushvalue(lua, -2);
    lua_call(lua, 1, 1);
    return 0;
}

// Reads every byte of every text, also behind functions.
void read_tokens(TokenReader reader) {
    Token token;
    unsigned sum = 0;
    while (reader.next(token)) {
        for (const char c : token.text) sum += static_cast<unsigned char>(c);
        for (const char c : token.field) sum += static_cast<unsigned char>(c);
    }
    volatile unsigned sink = sum;
    (void)sink;
}

}  // namespace

// One for each value of parcel_seeds.lua.
void fuzz::add_seeds(Seeds& seeds) {
    lua_State* lua = open_state();
    check(luaL_dofile(lua, IPCRUN_PARCEL_SEEDS) == LUA_OK, "parcel_seeds.lua fails");
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, 1));
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 1, i);
        Outgoing& outgoing = push_outgoing(lua);
        marshal(lua, -2, outgoing, "seed");
        outgoing.pack();
        const StoragePtr parcel = outgoing.assemble(nullptr);
        seeds.add({reinterpret_cast<const std::uint8_t*>(parcel->data()), parcel->bytes()});
    }
    lua_close(lua);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static lua_State* lua = open_state();
    StoragePtr message = Storage::create(nullptr, Dtype::u8, size);
    std::memcpy(message->data(), data, size);
    lua_settop(lua, 0);
    lua_pushcfunction(lua, sum_up);
    Incoming& incoming = push_incoming(lua);
    const Failure failure = attempt([&] { incoming.open(message, 0, size, nullptr); });
    check(!failure || failure.code == ErrorCode::protocol, "refused for another reason than bytes");
    if (!failure) read_tokens(incoming.tokens());
    if (!failure) (void)lua_pcall(lua, 1, 0, 0);
    lua_settop(lua, 0);
    lua_gc(lua, LUA_GCCOLLECT);
    return 0;
}
