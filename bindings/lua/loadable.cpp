// SPDX-License-Identifier: Apache-2.0
// `require 'ipc'` and `require 'torch'` from a plain Lua interpreter.
#include "bindings/lua/ipc/module.hpp"
#include "bindings/lua/tensor.hpp"

extern "C" __attribute__((visibility("default"))) int luaopen_ipc(lua_State* lua) {
    return ipcrun::lua::open_ipc(lua);
}
extern "C" __attribute__((visibility("default"))) int luaopen_torch(lua_State* lua) {
    return ipcrun::lua::open_torch(lua);
}
