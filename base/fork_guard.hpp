// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Tells a process whether it is the one that made something, or a child after fork() that only has
/// a copy. A load each time, where getpid(2) is a system call.

#include <atomic>

namespace ipcrun {

class ForkGuard {
  public:
    ForkGuard();
    ForkGuard(const ForkGuard&) = delete;
    ~ForkGuard();

    /// False in a child after fork(). Any thread.
    bool is_ours() const { return ours_->load(std::memory_order_relaxed); }

  private:
    std::atomic<bool>* ours_;  // in a page of its own that fork() wipes
};

}  // namespace ipcrun
