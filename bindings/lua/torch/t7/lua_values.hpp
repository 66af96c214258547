// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Lua values into a T7Document and back. Both directions are loops, not recursion: values may nest
/// deeper than any stack.

#include <lua.hpp>

#include "bindings/lua/torch/t7/document.hpp"

namespace ipcrun::lua {

/// What a call of save or load works on: a userdata, so that it is freed when Lua raises.
struct T7Work {
    T7Document document;
    std::string output;
};
constexpr const char* t7_work_metatable = "ipcrun.torch.t7";

/// Puts the value at `index` into `work`, which is on the stack too. `torch` is the index of the
/// module. Raises, under the name `function`, for what cannot be saved.
void collect_value(lua_State* lua, T7Work& work, int index, int torch, const char* function);

/// Pushes the root of `work`. Raises for classes that torch.class has not made.
void push_document(lua_State* lua, T7Work& work, int torch, const char* function);

}  // namespace ipcrun::lua
