// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Handles on operations that were started with {async = true}: class ipc.Work.

#include <lua.hpp>
#include <memory>

#include "bindings/lua/ipc/membership.hpp"
#include "runtime/request.hpp"

namespace ipcrun::lua {

struct Work {
    /// What `wait` gives, once: pushes the results, 1 to 3. `table` is where the starter put what
    /// it needs.
    using Finish = int (*)(lua_State* lua, Work& work, int table);

    std::shared_ptr<Membership> membership;
    std::shared_ptr<Pending> pending;
    Finish finish = nullptr;
    int results = -1;  ///< how many `table` holds; -1: it is not finished yet
};

/// A request, and the owner of its memory.
template <typename Held>
class PendingRequest : public Pending {
  public:
    Request request;
    Held held;

    bool test() override { return request.test(); }
    bool wait(Deadline deadline) override { return request.wait(deadline); }
};

/// To be called once a state. May raise.
void register_work(lua_State* lua);

/// Pushes a new handle, to be filled in; `table` is the table on top of the stack, which it takes:
/// the values that the operation works on, kept for as long as the handle is. May raise.
Work& push_work(lua_State* lua, Work::Finish finish);

/// Finishes with the item `1` of the table: the value that was worked on.
int finish_with_first(lua_State* lua, Work& work, int table);

/// Starts `start(held)`, which gives a request for memory that `held` owns, and fills in the
/// handle. Throws.
template <typename Held, typename Start>
void start_work(Work& work, const std::shared_ptr<Membership>& membership, Held held, Start start) {
    auto pending = std::make_shared<PendingRequest<Held>>();
    pending->held = std::move(held);
    membership->keep(pending);
    pending->request = start(pending->held);
    work.membership = membership;
    work.pending = std::move(pending);
}

}  // namespace ipcrun::lua
