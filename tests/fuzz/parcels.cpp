// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for values that come from another rank: whatever the bytes are, their tensors
// lie within them, and putting the value together ends in a value or an error of Lua.
//     CXX=clang++ meson setup build-fuzz && ninja -C build-fuzz tests/lua/fuzz_parcels
//     build-fuzz/tests/lua/fuzz_parcels -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/fail.hpp"
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/modules.hpp"

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
    unmarshal(lua, incoming, "fuzz");
    lua_getglobal(lua, "tostring");
    lua_pushvalue(lua, -2);
    lua_call(lua, 1, 1);
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static lua_State* lua = open_state();
    StoragePtr message = Storage::create(nullptr, Dtype::u8, size);
    std::memcpy(message->data(), data, size);
    lua_settop(lua, 0);
    lua_pushcfunction(lua, sum_up);
    Incoming& incoming = push_incoming(lua);
    const Failure failure = attempt([&] { incoming.open(message, 0, size, nullptr); });
    check(!failure || failure.code == ErrorCode::protocol, "refused for another reason than bytes");
    if (!failure) (void)lua_pcall(lua, 1, 0, 0);
    lua_settop(lua, 0);
    lua_gc(lua, LUA_GCCOLLECT);
    return 0;
}
