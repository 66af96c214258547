// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the calls of channels and queues have in common.

#include <cstdint>
#include <lua.hpp>

#include "base/deadline.hpp"

namespace ipcrun::lua {

/// Trivially destructible. The name is borrowed from the table.
struct QueueOptions {
    std::uint64_t capacity = 0;  ///< 0: any number
    int name = 0;                ///< the stack index of the name; 0: none was given
    bool is_shared = false;
};
/// Bits of the set of options that a call knows.
enum QueueOption : unsigned {
    queue_option_capacity = 1,
    queue_option_name = 2,
    queue_option_shared = 4,
};
/// Reads the table of options at `index`, of which `known` may be there; its name is left on the
/// stack. `call` begins the messages. Raises for what is unknown or makes no sense.
QueueOptions check_queue_options(lua_State* lua, int index, const char* call, unsigned known);

/// How long to wait: for ever when there is nothing or false at `index`, not at all for true, else
/// what {timeout = seconds} says.
Deadline check_patience(lua_State* lua, int index);
/// The same of a number of seconds; `fallback` when there is nothing or nil.
Deadline check_seconds(lua_State* lua, int index, Deadline fallback);

/// Raises when the item on top of the stack would end a for loop.
void check_no_nil(lua_State* lua);

}  // namespace ipcrun::lua
