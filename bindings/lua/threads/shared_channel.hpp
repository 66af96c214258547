// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Channels between processes: runtime/shared_queue.hpp under ipc.channel. What is written is a
/// parcel, copied once into the queue's memory; the reader's tensors are views of it there.

#include <lua.hpp>
#include <string>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/handle.hpp"

namespace ipcrun::lua {

/// A new channel that can be handed to other processes. Both throw Error, and are to be called
/// inside attempt().
Holder create_shared_channel(Context& shared, std::uint64_t capacity);
/// The channel of this name among the ranks of the job.
Holder open_named_channel(Context& shared, const std::string& name, std::uint64_t capacity);

/// Tells Lua's collector that one more takes memory, and a descriptor. May raise.
void report_shared_channel(lua_State* lua);

/// Lets messages bring channels of other processes. May raise.
void register_shared_channels(lua_State* lua);

}  // namespace ipcrun::lua
