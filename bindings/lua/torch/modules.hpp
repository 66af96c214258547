// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The parts that open_torch() puts together. `torch` and `methods` are the absolute stack indices
/// of the module table and of the table of tensor methods.

#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

void register_storages(lua_State* lua, int torch);
void register_constructors(lua_State* lua, int torch, int methods);
void register_sequences(lua_State* lua, int torch, int methods);
void register_shapes(lua_State* lua, int torch, int methods);
void register_rearranging(lua_State* lua, int torch, int methods);
void register_indexing(lua_State* lua, int torch, int methods);
void register_index_methods(lua_State* lua, int torch, int methods);
void register_gather(lua_State* lua, int torch, int methods);
void register_masks(lua_State* lua, int torch, int methods);
void register_types(lua_State* lua, int torch, int methods);
void register_apply(lua_State* lua, int torch, int methods);
void register_math(lua_State* lua, int torch, int methods);
void register_combinations(lua_State* lua, int torch, int methods);
void register_matrices(lua_State* lua, int torch, int methods);
void register_reductions(lua_State* lua, int torch, int methods);
void register_lanes(lua_State* lua, int torch, int methods);
void register_selections(lua_State* lua, int torch, int methods);
void register_products(lua_State* lua, int torch, int methods);
void register_random(lua_State* lua, int torch, int methods);
void register_sampling(lua_State* lua, int torch, int methods);
void register_classes(lua_State* lua, int torch, int methods);
void register_clocks(lua_State* lua, int torch);
void register_t7(lua_State* lua, int torch);

/// Pushes torch.FloatTensor or its kin.
void push_constructor(lua_State* lua, Dtype dtype);
/// Notes the methods that ipc knows the meaning of; and whether one of them, or the metamethod
/// "__add", is still in place, patched by nobody. May raise.
void remember_methods(lua_State* lua, int methods);
bool is_method_ours(lua_State* lua, const char* name);

/// The metamethods __index and __newindex of tensors; the first has the methods as its upvalue.
int index_tensor(lua_State* lua);
int set_index_tensor(lua_State* lua);
/// __mul of torch7: scales, or multiplies matrices and vectors.
int multiply_operator(lua_State* lua);
/// __tostring.
int format_tensor(lua_State* lua);

}  // namespace ipcrun::lua
