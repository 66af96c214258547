// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The queues that the ranks of a job share by name, as one rank reaches them.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/node_memory.hpp"
#include "runtime/queue_requests.hpp"
#include "runtime/shared_queue.hpp"
#include "runtime/world/queue_client.hpp"
#include "runtime/world/queue_server.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

class JobQueues {
  public:
    /// `control_fd`: of the agent, borrowed. `wires`: null: all ranks are on this host.
    JobQueues(int control_fd, std::shared_ptr<NodeMemory> memory, std::shared_ptr<Wires> wires);

    /// Any thread. `faults` count what is done with it, when it is on this host.
    std::shared_ptr<SharedQueue> open(const std::string& name, std::uint64_t capacity,
                                      Faults faults);
    /// The rank leaves, and waits for those whom it serves when `stays`: until their ends.
    void leave(bool stays);

  private:
    std::shared_ptr<SharedQueue> open_here(const std::string& name, std::uint64_t capacity,
                                           Faults faults);
    std::shared_ptr<QueueClient> client();

    const int control_fd_;
    std::shared_ptr<NodeMemory> memory_;  // shared: with the heap
    std::shared_ptr<Wires> wires_;        // shared: with the communicators
    QueueRequests requests_;
    std::atomic<bool> was_used_ = false;
    std::mutex mutex_;                     // of the client
    std::shared_ptr<QueueClient> client_;  // shared: with its queues
    std::unique_ptr<QueueServer> server_;
};

}  // namespace ipcrun
