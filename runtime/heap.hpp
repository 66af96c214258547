// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The allocator of one rank's arena of the shared heap. Its books are kept in private memory: a
/// peer that writes over the arena can spoil data, never the allocator.

#include <cstddef>
#include <cstdint>

namespace ipcrun {

class Heap {
  public:
    virtual ~Heap() = default;
    /// At least `bytes` bytes, 64-byte aligned; null when the arena is full or closed by fork().
    virtual void* allocate(std::size_t bytes) = 0;
    virtual void deallocate(void* block) = 0;
};

}  // namespace ipcrun
