// SPDX-License-Identifier: Apache-2.0
// The module `torch`, put together. It follows torch7 and differs where that was silent or unsafe:
//   sizes may be 0; element-wise functions broadcast; indices below 0 count from the end;
//   writing into an expanded tensor, and integer division by 0, raise;
//   integers wrap, stay exact in 64 bits, and compare exactly with any number;
//   a number that an integer type cannot hold is refused where it is to become an element;
//   t:resize() that needs more memory leaves other tensors of the old storage as they were;
//   torch.LongTensor(aLongStorage) takes elements, every other type takes sizes.
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/parts.hpp"
#include "bindings/lua/torch/split.hpp"

namespace ipcrun::lua {

namespace {

/// #t is the sizes.
int sizes(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    push_sizes(lua, self.sizes, self.dims);
    return 1;
}

void create_tensor_metatable(lua_State* lua, int methods) {
    static const luaL_Reg metamethods[] = {{"__newindex", set_index_tensor},
                                           {"__len", sizes},
                                           {"__tostring", format_tensor},
                                           {"__gc", collect<Tensor>},
                                           {nullptr, nullptr}};
    luaL_newmetatable(lua, tensor_metatable);
    lua_pushliteral(lua, "torch.Tensor");  // in messages of Lua
    lua_setfield(lua, -2, "__name");
    luaL_setfuncs(lua, metamethods, 0);
    lua_pushvalue(lua, methods);
    lua_pushcclosure(lua, index_tensor, 1);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}

}  // namespace

int open_torch(lua_State* lua) {
    luaL_checkversion(lua);
    (void)context(lua);  // created now, so that it raises here and never later
    // Large enough at once: growing them step by step took a sixth of the time of all this.
    constexpr int entries_min = 129;  // makes 256 places
    lua_createtable(lua, 0, entries_min);
    const int torch = lua_gettop(lua);
    lua_createtable(lua, 0, entries_min);
    const int methods = lua_gettop(lua);
    create_tensor_metatable(lua, methods);
    register_storages(lua, torch);
    register_constructors(lua, torch, methods);
    register_sequences(lua, torch, methods);
    register_shapes(lua, torch, methods);
    register_rearranging(lua, torch, methods);
    register_indexing(lua, torch, methods);
    register_index_methods(lua, torch, methods);
    register_gather(lua, torch, methods);
    register_masks(lua, torch, methods);
    register_types(lua, torch, methods);
    register_apply(lua, torch, methods);
    register_math(lua, torch, methods);
    register_combinations(lua, torch, methods);
    register_matrices(lua, torch, methods);
    register_reductions(lua, torch, methods);
    register_lanes(lua, torch, methods);
    register_selections(lua, torch, methods);
    register_products(lua, torch, methods);
    register_random(lua, torch, methods);
    register_sampling(lua, torch, methods);
    register_classes(lua, torch, methods);
    register_clocks(lua, torch);
    register_t7(lua, torch);
    register_parts(lua, torch);
    register_split(lua);
    remember_methods(lua, methods);
    lua_settop(lua, torch);
    // As torch did: its scripts say `require 'torch'`, and use the name.
    lua_pushvalue(lua, torch);
    lua_setglobal(lua, "torch");
    return 1;
}

}  // namespace ipcrun::lua
