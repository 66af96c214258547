// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What all modules of one Lua state share. Kept in the registry; no process-wide state.

#include <lua.hpp>

#include <memory>
#include <random>

#include "runtime/heap.hpp"

namespace ipcrun::lua {

struct Context {
    /// Where new tensors live; null: private memory (no job, or a heap that could not be had).
    std::shared_ptr<Heap> heap;
    /// torch's generator; torch.manualSeed sets it. Seeded from the system at first.
    std::mt19937_64 generator{std::random_device{}()};
};

/// The context of this state; created at the first call. May raise (memory) only then.
Context& context(lua_State* lua);

}  // namespace ipcrun::lua
