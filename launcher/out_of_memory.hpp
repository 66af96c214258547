// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Whether the kernel has killed a process of this cgroup for want of memory.

#include <cstdint>
#include <string>

namespace ipcrun {

class OutOfMemoryCount {
  public:
    /// Remembers the present count; without a memory cgroup it is 0 and stays so.
    OutOfMemoryCount();
    /// Has the count grown since it was last asked?
    bool has_grown();

  private:
    std::uint64_t read() const;
    std::string file_;
    std::uint64_t count_ = 0;
};

}  // namespace ipcrun
