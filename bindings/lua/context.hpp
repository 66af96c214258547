// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What all modules of one Lua state share. Kept in the registry; no process-wide state.

#include <cstddef>
#include <lua.hpp>
#include <random>

#include "bindings/lua/torch/blas.hpp"
#include "runtime/heap.hpp"

namespace ipcrun::lua {

struct Context {
    /// Where new tensors live; null: private memory (no job, or a heap that could not be had).
    Heap* heap = nullptr;
    /// torch's generator; torch.manualSeed sets it. Seeded from the system at first.
    std::mt19937_64 generator{std::random_device{}()};
    /// Storage created since Lua's collector last heard of it; see push_tensor().
    std::size_t unreported_bytes = 0;
    /// Loaded at the first matrix product.
    Blas blas;
};

/// The context of this state; created at the first call. May raise (memory) only then.
Context& context(lua_State* lua);

}  // namespace ipcrun::lua
