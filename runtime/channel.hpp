// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The shared memory through which one member of a communicator sends messages to another. All zero
/// is a good start.

#include <atomic>
#include <cstdint>

namespace ipcrun {

struct Channel {
    /// Written by the sender: how many messages it has sent, and the first of the segments that
    /// they lie in (1 + offset in its arena; 0: none yet).
    alignas(64) std::atomic<std::uint64_t> sent;
    std::atomic<std::uint64_t> first_segment;
    /// Written by the receiver: bytes that it has received, for the sender's lag.
    alignas(64) std::atomic<std::uint64_t> received_bytes;
};

}  // namespace ipcrun
