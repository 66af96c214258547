// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Private memory of another rank, read and written through the kernel ("cross memory attach",
/// process_vm_readv(2)). A system call filter or Yama may forbid it: asked for by reading one byte
/// and writing it back.

#include <cstddef>
#include <cstdint>

#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// Tells peers where the byte lies by which they try, in this process.
void offer_peer_access(RankSlot& own);

/// Finds out whether this process may read and write the memory of `peer`, and notes it in `own`,
/// once. Cost: 2 us the first time, then a load.
void probe_peer_access(RankSlot& own, const RankSlot& peer);

/// Private memory of a member of a communicator.
struct PeerMemory {
    const RankSlot* slot = nullptr;
    int member = -1;
    bool operator==(const PeerMemory&) const = default;
};

/// Copies between here and the private memory of a peer. Throw Error{peer_lost}, which names the
/// member, when its process is gone, Error{system} when the kernel refuses.
void read_peer(const PeerMemory& peer, std::uint64_t address, std::byte* to, std::size_t bytes);
void write_peer(const PeerMemory& peer, std::uint64_t address, const std::byte* from,
                std::size_t bytes);

}  // namespace ipcrun
