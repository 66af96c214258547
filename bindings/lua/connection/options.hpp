// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The arguments of ipc.server and ipc.client: where, and a table of options last.

#include <lua.hpp>

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "bindings/lua/threads/household.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun::lua {

/// Trivially destructible: texts are those of the arguments, and of the table among them: good
/// until Lua code, be it a finaliser, may change that.
struct ConnectionWish {
    const char* host = nullptr;  ///< null: none was given
    int port = -1;               ///< likewise
    const char* key = nullptr;
    std::size_t key_bytes = 0;
    const char* key_file = nullptr;
    bool encrypts = false;
    double timeout = -1;  ///< seconds; negative: none was given
    LinkChoice choice = LinkChoice::fastest;
};

enum class Side : bool { server, client };
/// Reads [host][, port][, options] from the first `count` places of the stack; raises for what
/// makes no sense, and else takes no memory of Lua.
ConnectionWish check_connection_wish(lua_State* lua, Side side, int count);

/// Where a server is to listen, a client to connect to. Throws Error{usage}.
Address address_of(const ConnectionWish& wish, Side side);
/// The key that is wished, or that there is. Throws as find_key().
Key key_of(const ConnectionWish& wish, const Household& household);

/// The `timeout` of the table of options at `index`, the only one there is; `fallback` when there
/// is nothing or nil. May raise.
Deadline check_timeout_option(lua_State* lua, int index, Deadline fallback = Deadline::never());

/// Raises when there are arguments behind that at `last`, other than nil.
void check_no_more(lua_State* lua, int last);

}  // namespace ipcrun::lua
