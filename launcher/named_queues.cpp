// SPDX-License-Identifier: Apache-2.0
#include "launcher/named_queues.hpp"

#include "base/fail.hpp"
#include "runtime/wire/queue_memory.hpp"

namespace ipcrun {

namespace {

std::string describe(std::uint64_t capacity) {
    return capacity == 0 ? "no limit" : fmt::format("a capacity of {}", capacity);
}

}  // namespace

int NamedQueues::open(const std::string& name, std::uint64_t capacity) {
    const auto known = queues_.find(name);
    if (known == queues_.end()) {
        if (queues_.size() >= named_queues_max)
            fail(ErrorCode::usage, "the job has {} queues, which is the limit", named_queues_max);
        Queue queue{QueueMemory::create(capacity), capacity};
        return queues_.emplace(name, std::move(queue)).first->second.memory.get();
    }
    if (known->second.capacity != capacity)
        fail(ErrorCode::usage,
             "it was opened with {} first, and now with {}: all ranks have to say the same",
             describe(known->second.capacity), describe(capacity));
    return known->second.memory.get();
}

}  // namespace ipcrun
