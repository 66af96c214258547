// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What waiting processes sleep on, in memory that they share with those who wake them.

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/mapping.hpp"

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

/// A bell in a memory of its own: one process sleeps on it while it waits for any of many others,
/// with each of which it shares another memory.
class Doorbell {
  public:
    /// The descriptor is for handing on to those who ring.
    static UniqueFd create();
    /// Maps what `create` made. Throws Error{protocol} when it is something else.
    explicit Doorbell(int fd);

    Bell& bell() const { return *reinterpret_cast<Bell*>(mapping_.data()); }

  private:
    Mapping mapping_;
};

}  // namespace ipcrun
