// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Picking elements by a ByteTensor of the same number of elements, in row-major order; as methods,
/// and behind t[mask].

#include <lua.hpp>

namespace ipcrun::lua {

/// t:maskedSelect(mask), torch.maskedSelect([result,] t, mask) -> a vector
int masked_select(lua_State* lua);
/// t:maskedFill(mask, number)
int masked_fill(lua_State* lua);
/// t:maskedCopy(mask, tensor): takes its elements in their order
int masked_copy(lua_State* lua);

}  // namespace ipcrun::lua
