// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What waiting processes sleep on, in memory that they share with those who wake them.

#include <atomic>
#include <cstdint>

namespace ipcrun {

/// What sleepers of one communicator sleep on. In shared memory; all zero is a good start.
struct Bell {
    std::atomic<std::uint32_t> generation;
    std::atomic<std::uint32_t> sleepers;

    /// Wakes up to `count` sleepers, after what they wait for has been made true by a sequentially
    /// consistent write. Costs one load when nobody sleeps.
    void ring(int count);
    void ring_all();
};

}  // namespace ipcrun
