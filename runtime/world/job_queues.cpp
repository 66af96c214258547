// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/job_queues.hpp"

#include "runtime/world/remote_queue.hpp"

namespace ipcrun {

JobQueues::JobQueues(int control_fd, std::shared_ptr<NodeMemory> memory,
                     std::shared_ptr<Wires> wires)
    : control_fd_(control_fd), memory_(std::move(memory)), wires_(std::move(wires)) {
    if (wires_ == nullptr || wires_->rank() != queue_server_rank) return;
    server_ = std::make_unique<QueueServer>(
        wires_, [this](const std::string& name, std::uint64_t capacity) {
            return open_here(name, capacity, {});
        });
}

std::shared_ptr<SharedQueue> JobQueues::open(const std::string& name, std::uint64_t capacity,
                                             Faults faults) {
    was_used_ = true;
    if (wires_ == nullptr || wires_->is_here(queue_server_rank))
        return open_here(name, capacity, std::move(faults));
    return std::make_shared<RemoteQueue>(client(), name, capacity);
}

std::shared_ptr<SharedQueue> JobQueues::open_here(const std::string& name, std::uint64_t capacity,
                                                  Faults faults) {
    return SharedQueue::attach(requests_.open(control_fd_, name, capacity), std::move(faults));
}

std::shared_ptr<QueueClient> JobQueues::client() {
    const std::lock_guard lock(mutex_);
    if (client_ == nullptr) client_ = std::make_shared<QueueClient>(wires_, memory_);
    return client_;
}

void JobQueues::leave(bool stays) {
    if (server_ == nullptr) return;
    if (stays && (was_used_.load() || server_->was_used()))
        server_->serve_to_the_end(memory_->control().header().alert);
    server_.reset();
}

}  // namespace ipcrun
