// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What all modules of one Lua state share. Kept in the registry; no process-wide state.

#include <cstddef>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <random>

#include "bindings/lua/torch/blas.hpp"
#include "runtime/children.hpp"
#include "runtime/job.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun::lua {

class Household;

struct Context {
    Context() = default;
    Context(const Context&) = delete;
    /// Of the state that the program began with: ends the threads of the household first.
    ~Context();

    /// What this state shares with those of its threads.
    std::shared_ptr<Household> household;
    /// Is this the state of such a thread? The world and the messages of the job are not for it.
    bool is_worker = false;
    /// Its number among the states of the household.
    unsigned number = 0;
    /// How this state's thread waits for others of the household. Engaged with it.
    std::optional<Waiter> waiter;
    /// Joined when the context is created, so that tensors live where peers can reach them. Null in
    /// a worker.
    std::shared_ptr<Job> job;
    /// What is under way in the world, to be let go of behind the job: nobody works on it then.
    std::shared_ptr<void> world;
    /// The children that `parallel` has started; null before the first. Its end is theirs.
    std::unique_ptr<Children> children;
    /// Where new tensors live; null: private memory (no job around).
    std::shared_ptr<Heap> heap;
    /// torch's generator; torch.manualSeed sets it. Seeded from the system at first.
    std::mt19937_64 generator;
    /// Storage created since Lua's collector last heard of it; see push_tensor().
    std::size_t unreported_bytes = 0;
    /// Loaded at the first matrix product.
    Blas blas;
};

/// Makes the context of a new state, which is a thread's of this household. May raise.
void create_worker_context(lua_State* lua, const std::shared_ptr<Household>& household);

/// The program of this state has come to a good end: if it is a rank, see
/// Job::serve_queues_to_the_end(). May raise.
void note_good_end(lua_State* lua);

/// The context of this state; created at the first call, which joins the job. Only that one may
/// raise: when memory is short or the job cannot be joined.
Context& context(lua_State* lua);

/// The job, for `call` ("ipc.world"). Raises in a thread's state, and in one that is being closed.
const std::shared_ptr<Job>& check_job(lua_State* lua, const char* call);

}  // namespace ipcrun::lua
