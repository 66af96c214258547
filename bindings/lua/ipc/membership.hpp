// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is behind the communicators that Lua sees: the runtime's communicator, and what is under
/// way in it.

#include <lua.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "bindings/lua/bind.hpp"
#include "runtime/communicator.hpp"
#include "runtime/connection/shared_group.hpp"
#include "runtime/job.hpp"

namespace ipcrun::lua {

constexpr const char* communicator_metatable = "ipc.Communicator";

/// An operation that was started; see work.hpp.
class Pending {
  public:
    virtual ~Pending() = default;
    /// As those of Request. Throw.
    virtual bool test() = 0;
    virtual bool wait(Deadline deadline) = 0;
};

/// Shared by the object of Lua and its work handles.
struct Membership {
    // Destroyed in the reverse of this order: what is under way has its memory until nobody works
    // on it any more.
    std::vector<std::shared_ptr<Pending>> under_way;
    std::shared_ptr<Job> job;            ///< of the world alone
    std::shared_ptr<SharedGroup> group;  ///< of nodes that met by connections, until it is closed
    std::optional<Communicator> own;     ///< of all others, until they are closed

    bool is_world() const { return job != nullptr; }
    Communicator* get() {
        if (is_world()) return &job->world();
        if (group) return &group->communicator();
        return own ? &*own : nullptr;
    }

    /// Keeps `pending`, and what it holds, until it is done; lets go of others that are. Throws
    /// std::bad_alloc, then nothing has been kept.
    void keep(std::shared_ptr<Pending> pending);
};

struct CommunicatorObject {
    std::shared_ptr<Membership> membership;
};

/// The communicator at `index`, which is open; raises for another value, a communicator that was
/// closed, and in finalisers that run when the state is closed. Call it again after anything that
/// takes memory of Lua: a finaliser may close it.
CommunicatorObject& check_object(lua_State* lua, int index);
inline Communicator& check_communicator(lua_State* lua, int index = 1) {
    return *check_object(lua, index).membership->get();
}

}  // namespace ipcrun::lua
