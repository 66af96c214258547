// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Asking the agent of a job for queues by their names, over the control socket.

#include <cstdint>
#include <mutex>
#include <string>

#include "base/unique_fd.hpp"

namespace ipcrun {

/// One for each socket: of those who read from it once the rank has joined it is the only one.
class QueueRequests {
  public:
    /// The memory of the queue. Any thread; waits 30 s at most. Throws Error, whose text names the
    /// queue: usage (the agent refuses), timeout, peer_lost (the agent has ended).
    UniqueFd open(int control_fd, const std::string& name, std::uint64_t capacity);

  private:
    std::mutex mutex_;
    std::uint32_t last_id_ = 0;
};

/// Throws Error{usage} for a name that no queue can have.
void check_queue_name(const std::string& name);

}  // namespace ipcrun
