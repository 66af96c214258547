// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a thread of ipc.map does: a Lua state of its own, one call in it, and what came of that.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/threads/household.hpp"
#include "bindings/lua/threads/package.hpp"

namespace ipcrun::lua {

/// The same for all threads of a map, which share it: made once, and not changed while threads read
/// it. Each says when it has: the last one lets go of it, so that objects in the arguments are no
/// longer held for a thread that could come.
struct Assignment {
    std::atomic<int> readers = 0;  ///< threads that have not yet read all
    Package package;
    /// Called first: a function, or the text of a chunk. Empty: nothing is.
    Item init;
    Item function;
    std::vector<Item> arguments;

    void leave() {
        if (readers.fetch_sub(1) != 1) return;
        package = Package();
        init = function = Item();
        arguments.clear();
    }
};

struct Outcome {
    bool failed = false;
    bool by_the_end = false;  ///< it failed once the program was ending, which ends waits
    std::string error;        ///< with the traceback; empty when there was no memory for it
    std::vector<Item> results;
};

/// Calls the function with the arguments and `id`, in a new state of the calling thread, and closes
/// that state: when it returns, nothing runs any more. The state is never seen by another thread.
Outcome run_worker(const std::shared_ptr<Household>& household, Assignment& assignment, int id);

}  // namespace ipcrun::lua
