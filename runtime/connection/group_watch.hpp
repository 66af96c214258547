// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Marks in the memory of a shared group who is no more.

#include <memory>
#include <utility>
#include <vector>

#include "base/fork_guard.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

/// Watches the other ends of some connections for as long as it lives.
class GroupWatch {
  public:
    explicit GroupWatch(std::shared_ptr<NodeMemory> memory) : memory_(std::move(memory)) {}
    GroupWatch(const GroupWatch&) = delete;
    ~GroupWatch();

    /// `rank` leaves with the other end of the connection, if it has not ended: with the process of
    /// that, as `fellows` do.
    void add(const std::shared_ptr<Connection>& connection, int rank,
             std::vector<int> fellows = {});

  private:
    ForkGuard guard_;
    std::shared_ptr<NodeMemory> memory_;
    std::vector<std::pair<std::shared_ptr<Connection>, std::uint64_t>> watched_;
};

/// Records that `rank` does nothing more, though its process may live.
void mark_left(const ControlSegment& control, int rank);

}  // namespace ipcrun
