// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The numbers of a neighbourhood's links by memory.

#include <bitset>
#include <cstdint>
#include <memory>
#include <mutex>

#include "runtime/wire/doorbell.hpp"

namespace ipcrun {

/// How many links by memory one neighbourhood has at a time: each takes some GiB of the 47 bits of
/// addresses that a process has (runtime/wire/pair_shape.hpp), two descriptors, and a mark at the
/// doorbell.
constexpr std::size_t memory_links_max = Doorbell::marks_max;

/// The number of one of them, from 1; given back with the last reference.
using MemoryPlace = std::shared_ptr<const std::uint32_t>;

/// Any thread.
class MemoryPlaces {
  public:
    /// Null when all are taken.
    MemoryPlace take();
    std::size_t count() const;

  private:
    struct Taken {
        std::mutex mutex;
        std::bitset<memory_links_max> numbers;  // guarded by it
    };
    // Places may be given back when this is gone.
    const std::shared_ptr<Taken> taken_ = std::make_shared<Taken>();
};

}  // namespace ipcrun
