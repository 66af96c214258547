// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A state of Lua in which copy(value) gives what a receiver would get of a value; and parcels as
/// bytes, to be given to another state, or to be damaged.

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/modules.hpp"

namespace ipcrun::lua {

struct CloseState {
    void operator()(lua_State* lua) const { lua_close(lua); }
};
using State = std::unique_ptr<lua_State, CloseState>;

inline void append(const Part& part, std::size_t dimension, std::int64_t at, std::string& bytes) {
    const auto* data = static_cast<const char*>(part.data);
    if (dimension == part.sizes.size()) {
        bytes.append(data + at * std::int64_t(size_of(part.dtype)), size_of(part.dtype));
        return;
    }
    for (std::int64_t i = 0; i < part.sizes[dimension]; ++i)
        append(part, dimension + 1, at + i * part.strides[dimension], bytes);
}

inline std::string bytes_of(const Outgoing& outgoing) {
    std::string bytes;
    for (const Part& part : outgoing.parts()) {
        if (part.sizes.empty())
            bytes.append(static_cast<const char*>(part.data), part.bytes());
        else
            append(part, 0, 0, bytes);
    }
    CHECK(bytes.size() == outgoing.bytes());
    return bytes;
}

inline StoragePtr message_of(const std::string& bytes, std::size_t offset = 0) {
    StoragePtr message = Storage::create(nullptr, Dtype::u8, bytes.size() + offset);
    std::memcpy(message->data() + offset, bytes.data(), bytes.size());
    return message;
}

/// copy(value [, offset]): the value, out and in again; and the bytes that it took.
inline int copy(lua_State* lua) {
    const auto offset = static_cast<std::size_t>(luaL_optinteger(lua, 2, 0));
    Outgoing& outgoing = push_outgoing(lua);
    Incoming& incoming = push_incoming(lua);
    marshal(lua, 1, outgoing, "copy");
    std::size_t size = 0;
    const Failure failure = attempt([&] {
        outgoing.pack();
        const std::string bytes = bytes_of(outgoing);
        size = bytes.size();
        incoming.open(message_of(bytes, offset), offset, bytes.size(), nullptr);
    });
    if (failure) raise_string(lua, failure);
    unmarshal(lua, incoming, "copy");
    lua_pushinteger(lua, lua_Integer(size));
    return 2;
}

inline State open_state() {
    State lua(luaL_newstate());
    luaL_openlibs(lua.get());
    preload_modules(lua.get());
    REQUIRE(luaL_dostring(lua.get(), "torch = require 'torch'") == LUA_OK);
    register_marshal(lua.get());
    lua_register(lua.get(), "copy", copy);
    return lua;
}

inline void run_script(const State& lua, const char* script) {
    const int status = luaL_dostring(lua.get(), script);
    const std::string message = status == LUA_OK ? "" : lua_tostring(lua.get(), -1);
    INFO(message);
    CHECK(status == LUA_OK);
}

/// The parcel of the value on top of the stack, which it pops. To be called with no error around:
/// Lua has nobody to tell.
inline std::string pop_parcel(const State& lua) {
    const int top = lua_gettop(lua.get());
    Outgoing& outgoing = push_outgoing(lua.get());
    marshal(lua.get(), top, outgoing, "test");
    outgoing.pack();
    std::string bytes = bytes_of(outgoing);
    lua_settop(lua.get(), top - 1);
    return bytes;
}

/// The parcel of what a script returns.
inline std::string parcel_of(const State& lua, const char* script) {
    const int status = luaL_dostring(lua.get(), script);
    INFO(lua_tostring(lua.get(), -1));
    REQUIRE(status == LUA_OK);
    return pop_parcel(lua);
}

/// The parcels of the values in tests/fuzz/parcel_seeds.lua.
inline std::vector<std::string> seed_parcels(const State& lua) {
    const int status = luaL_dofile(lua.get(), IPCRUN_PARCEL_SEEDS);
    INFO(lua_tostring(lua.get(), -1));
    REQUIRE(status == LUA_OK);
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua.get(), -1));
    std::vector<std::string> parcels;
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua.get(), 1, i);
        parcels.push_back(pop_parcel(lua));
    }
    return parcels;
}

/// Pushes the value of a parcel, or an error that Lua raised; what lua_pcall says.
inline int receive(const State& lua, const std::string& bytes,
                   Functions functions = Functions::welcome) {
    lua_pushcfunction(lua.get(), [](lua_State* state) {
        auto& incoming = *static_cast<Incoming*>(lua_touserdata(state, 1));
        unmarshal(state, incoming, "test",
                  lua_toboolean(state, 2) != 0 ? Functions::welcome : Functions::refused);
        return 1;
    });
    push_incoming(lua.get()).open(message_of(bytes), 0, bytes.size(), nullptr);
    lua_pushboolean(lua.get(), functions == Functions::welcome);
    return lua_pcall(lua.get(), 2, 1, 0);
}

}  // namespace ipcrun::lua
