// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks of several hosts that share queues by name: rank 0's host has their memory.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/world/queue_server.hpp"
#include "runtime/world/remote_queue.hpp"
#include "tests/support/queue_ends.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun::world_test {

// What the agent of rank 0's host keeps.
class Agent {
  public:
    std::shared_ptr<SharedQueue> open(const std::string& name, std::uint64_t capacity) {
        const std::lock_guard lock(mutex_);
        auto& queue = queues_[name];
        if (queue == nullptr) queue = SharedQueue::create(capacity);
        if (queue->capacity() != capacity)
            fail(ErrorCode::usage, "open the queue '{}': it has another capacity", name);
        return SharedQueue::attach(test::descriptor_of(*queue));
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<SharedQueue>> queues_;
};

// A rank that has queues, as Job makes it.
struct QueueRank {
    HostRank& self;
    Agent& agent;
    std::unique_ptr<QueueServer> server;
    std::shared_ptr<QueueClient> client;

    void serve() {
        server = std::make_unique<QueueServer>(
            self.wires, [this](const std::string& name, std::uint64_t capacity) {
                return agent.open(name, capacity);
            });
    }
    int rank() const { return self.rank; }
    std::shared_ptr<SharedQueue> open(const std::string& name, std::uint64_t capacity = 0) {
        if (self.wires->is_here(queue_server_rank)) return agent.open(name, capacity);
        if (client == nullptr)
            client = std::make_shared<QueueClient>(self.wires, self.heap->memory());
        return std::make_shared<RemoteQueue>(client, name, capacity);
    }
    void barrier() { self.world.barrier(soon()); }
};

inline void run_with_queues(const std::vector<int>& ranks_on,
                            const std::function<void(QueueRank&)>& body) {
    Agent agent;
    run_hosts({.ranks_on = ranks_on}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank) rank.serve();
        body(rank);
        self.world.barrier(soon());
    });
}

}  // namespace ipcrun::world_test
