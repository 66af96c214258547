// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One end of messages with somebody, as the Lua of `parallel` holds it: with a child, with the
/// parent, or with a rank of the job.

#include <lua.hpp>
#include <memory>
#include <optional>
#include <string>

#include "runtime/children.hpp"
#include "runtime/job.hpp"
#include "runtime/wait_any.hpp"

namespace ipcrun::lua {

struct Link {
    // One of these; none when it is closed.
    std::unique_ptr<ChildProcess> child;
    std::unique_ptr<ParentProcess> parent;
    std::shared_ptr<Job> job;
    int member = 0;  ///< the number of the other one in the communicator

    std::optional<ChildEnd> end;  ///< of the child, once it is known
    std::string described_end;

    bool is_closed() const { return !child && !parent && !job; }
    /// Throws Error{usage} when the link is closed, and what Job::messages() throws.
    Communicator& communicator();
};

/// To be called once a state, before the functions below. May raise.
void register_link(lua_State* lua);

/// A new one, closed, to be filled in. May raise.
Link& push_link(lua_State* lua);
/// The link at `index`; raises for another value.
Link& check_link(lua_State* lua, int index);

/// The optional timeout at `index`, in seconds: none means never, 0 or less a test.
struct Timeout {
    Deadline deadline = Deadline::never();
    bool is_test = false;
};
Timeout check_timeout(lua_State* lua, int index);

extern const luaL_Reg exchange_methods_of_links[];  ///< is_ready, receive

/// What the Lua of `parallel` calls, for its table `core`.
extern const luaL_Reg exchange_functions[];  ///< send, wait_any
extern const luaL_Reg process_functions[];   ///< spawn, close, parent, rank, place, …
extern const luaL_Reg system_functions[];    ///< clock, sleep, host_name, address, find_program

}  // namespace ipcrun::lua
