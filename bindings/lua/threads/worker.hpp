// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a thread of ipc.map does: a Lua state of its own, one call in it, and what came of that.

#include <memory>
#include <string>
#include <vector>

#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/threads/household.hpp"
#include "bindings/lua/threads/package.hpp"

namespace ipcrun::lua {

/// The same for all threads of a map, which share it: made once, and not changed when they run.
struct Assignment {
    Package package;
    /// Called first: a function, or the text of a chunk. Null: nothing is.
    Item init;
    Item function;
    std::vector<Item> arguments;
};

struct Outcome {
    bool failed = false;
    std::string error;  ///< with the traceback; empty when there was no memory for it
    std::vector<Item> results;
};

/// Calls the function with the arguments and `id`, in a new state of the calling thread, and closes
/// that state: when it returns, nothing runs any more. The state is never seen by another thread.
Outcome run_worker(const std::shared_ptr<Household>& household, const Assignment& assignment,
                   int id);

}  // namespace ipcrun::lua
