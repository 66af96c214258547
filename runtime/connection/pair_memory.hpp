// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The memory of a link: made by the server, mapped by both ends. Rank 0 is the server, which has
/// its neighbourhood's doorbell; rank 1 the client.

#include <memory>

#include "base/deadline.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"
#include "runtime/connection/unix_channel.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

/// A place for one more link by memory. Throws Error{system}, saying how many there may be.
MemoryPlace take_memory_place(Neighbourhood::Impl& neighbourhood);

/// Memory for two within this process, whose client marks `place` at the doorbell. Throws
/// Error{system}.
std::shared_ptr<NodeMemory> create_pair_memory(Neighbourhood::Impl& neighbourhood,
                                               const MemoryPlace& place);
/// The same, handed to the peer, which calls receive_pair_memory(). Its descriptors are closed.
std::shared_ptr<NodeMemory> send_pair_memory(Neighbourhood::Impl& neighbourhood,
                                             const MemoryPlace& place, UnixChannel& channel);
/// Throws Error: system, peer_lost, timeout, protocol.
std::shared_ptr<NodeMemory> receive_pair_memory(UnixChannel& channel, Deadline deadline);

}  // namespace ipcrun
