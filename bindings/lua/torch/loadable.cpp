// SPDX-License-Identifier: Apache-2.0
// `require 'torch'` from a plain Lua interpreter.
#include "bindings/lua/tensor.hpp"

extern "C" __attribute__((visibility("default"))) int luaopen_torch(lua_State* lua) {
    return ipcrun::lua::open_torch(lua);
}
